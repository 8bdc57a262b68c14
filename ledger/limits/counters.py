"""The balances: a row for each period of a budget, changed only inside a transaction of facts.

They can be made anew from the facts at any time: see `ledger.limits.rebuilding`.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from ledger.books import sql_files
from ledger.books.unit import Transaction
from ledger.limits.budgets import Budget


class Balance(NamedTuple):
    """What a budget has spent and held in a period, in 1e-12 USD."""

    spent_pico: int
    held_pico: int

    @property
    def pico(self) -> int:
        """Both together."""
        return self.spent_pico + self.held_pico


@cache
def sql(name: str, engine: str, ids: int = 0) -> str:
    """A statement of `sql/counters`, for so many ids."""
    body = sql_files.load("counters", engine)[name].body
    return body.replace("{ids}", ", ".join("?" * ids))


def take(
    transaction: Transaction, wanted: Mapping[str, Budget], moment: dt.datetime, amount: int
) -> tuple[dict[str, Balance], list[str]]:
    """Hold an amount in all balances or in none.

    Args:
        transaction: in which the request's row goes in.
        wanted: the balances by id, and whose they are.
        moment: when the request started.
        amount: to hold, in 1e-12 USD.

    Returns:
        The balances as they are then, and the ids of those that have no room.
    """
    got = _take(transaction, list(wanted), amount)
    if len(got) < len(wanted):
        there = show(transaction, [each for each in wanted if each not in got])
        new = [each for each in wanted if each not in got and each not in there]
        begin(transaction, {each: wanted[each] for each in new}, moment)
        got |= _take(transaction, new, amount)
    short = [each for each in wanted if each not in got]
    if short and got:
        move(transaction, list(got), held=-amount)
    return (got, []) if not short else (show(transaction, list(wanted)), short)


def _take(transaction: Transaction, ids: list[str], amount: int) -> dict[str, Balance]:
    if not ids:
        return {}
    statement = sql("take", transaction.engine, len(ids))
    rows = transaction.run(statement, [amount, *ids, amount])
    return {each: Balance(spent, held) for each, spent, held in rows}


def show(transaction: Transaction, ids: list[str]) -> dict[str, Balance]:
    """Balances as they are; none for a period in which nothing was booked yet."""
    if not ids:
        return {}
    rows = transaction.run(sql("show", transaction.engine, len(ids)), ids)
    return {each: Balance(spent, held) for each, spent, held in rows}


def move(
    transaction: Transaction, ids: list[str], *, spent: int = 0, held: int = 0
) -> dict[str, Balance]:
    """Change balances that are there; those that were."""
    rows = transaction.run(sql("move", transaction.engine, len(ids)), [spent, held, *ids])
    return {each: Balance(*amounts) for each, *amounts in rows}


def release(
    transaction: Transaction, ids: list[str], request_id: str, *, spent: int, held: int
) -> dict[str, Balance]:
    """Change balances that are there, unless a request's hold has an end; those that were."""
    statement = sql("release", transaction.engine, len(ids))
    rows = transaction.run(statement, [spent, held, *ids, request_id])
    return {each: Balance(*amounts) for each, *amounts in rows}


def add(
    transaction: Transaction,
    wanted: Mapping[str, Budget],
    moment: dt.datetime,
    *,
    spent: int = 0,
    held: int = 0,
) -> dict[str, Balance]:
    """Change balances, and begin those that are not there yet."""
    if not wanted or not (spent or held):
        return {}
    done = move(transaction, list(wanted), spent=spent, held=held)
    new = {each: budget for each, budget in wanted.items() if each not in done}
    if new:
        begin(transaction, new, moment)
        done |= move(transaction, list(new), spent=spent, held=held)
    return done


def begin(transaction: Transaction, new: Mapping[str, Budget], moment: dt.datetime) -> None:
    """Begin balances at nothing, unless others have meanwhile."""
    for each, budget in new.items():
        label = budget.period_of(moment).label
        put(transaction, each, budget, label, Balance(0, 0))


def put(
    transaction: Transaction, counter: str, budget: Budget, label: str, balance: Balance
) -> None:
    """Insert a balance, unless it is there."""
    values = [counter, budget.counted_as, label, budget.ceiling_pico, *balance]
    transaction.run(sql("open", transaction.engine), values)


def lock(transaction: Transaction, ids: Iterable[str]) -> None:
    """Where transactions run side by side: keep balances, in one order, so that none deadlock."""
    wanted = sorted(set(ids))
    if wanted and transaction.engine != "sqlite":
        transaction.run(sql("lock", transaction.engine, len(wanted)), wanted)
