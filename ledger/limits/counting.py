"""What a request counts for, before and after something is learnt of it.

A request whose cost is known has spent it; of any other, what is held for it counts. The budgets
that it falls under follow from the request itself, so they are the same whoever counts.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ledger import clock
from ledger.books.base import Table
from ledger.books.models import Generation, HoldEnd
from ledger.books.unit import Transaction
from ledger.limits import budgets as in_force
from ledger.limits import counters
from ledger.limits.budgets import Budget, Runs
from ledger.limits.counters import Balance, sql
from ledger.limits.scopes import Facts

_TAGS = "SELECT key, value FROM request_tag WHERE request_id = ?"


class Counted(NamedTuple):
    """What is known of a request's cost.

    Attributes:
        total_pico: what it has spent; None where that is not known.
        cause: the grade of its cost.
        amount_pico: what was held for it; None where nothing was.
        has_ended: whether its hold has an end.
    """

    total_pico: int | None
    cause: str
    amount_pico: int | None
    has_ended: bool

    @property
    def balance(self) -> Balance:
        """What it adds to the budgets that it falls under."""
        if self.total_pico is not None:
            return Balance(self.total_pico, 0)
        return Balance(0, self.amount_pico or 0)


_NOTHING = Counted(None, "unknown", None, has_ended=False)


def known(transaction: Transaction, request_id: str) -> Counted:
    """What is known of a request's cost now."""
    rows = transaction.run(sql("known", transaction.engine), [request_id])
    if not rows:
        return _NOTHING
    total, grade, amount, ended = rows[0]
    if total is None and grade == "not_charged":
        total = 0
    return Counted(total, grade, amount, ended is not None)


def counted(
    transaction: Transaction,
    request_ids: Iterable[str],
    change: Callable[[], Any],
    budgets: Sequence[Budget] | None = None,
) -> None:
    """Learn something of requests, and move what the budgets have spent and held accordingly.

    Args:
        transaction: in which both happen.
        request_ids: all that it may concern.
        change: inserts what was learnt.
        budgets: those in force, where they were read in this transaction.
    """
    if budgets is None:
        if transaction.look(in_force.LATEST) is None:  # there never was any
            change()
            return
        budgets = in_force.read(transaction)
    before = {each: known(transaction, each) for each in sorted(set(request_ids))}
    change()
    for each, was in before.items():
        _count(transaction, each, was, known(transaction, each), budgets)


def _count(
    transaction: Transaction, request_id: str, was: Counted, now: Counted, budgets: Sequence[Budget]
) -> None:
    if now.amount_pico is not None and now.total_pico is not None and not now.has_ended:
        transaction.insert(end_row(request_id, now.cause, now.total_pico, now.amount_pico))
    if now.balance == was.balance:
        return
    spent = now.balance.spent_pico - was.balance.spent_pico
    held = now.balance.held_pico - was.balance.held_pico
    moment, facts = facts_of(transaction, request_id)
    wanted = in_force.counters(budgets, facts, moment)
    counters.lock(transaction, wanted)
    counters.add(transaction, wanted, moment, spent=spent, held=held)


def end_row(request_id: str, cause: str, spent: int, amount: int) -> HoldEnd:
    """The end of a hold, now."""
    return HoldEnd.booked(
        id=request_id, at=clock.now(), cause=cause, spent_pico=spent, is_over=spent > amount
    )


def facts_of(transaction: Transaction, request_id: str) -> tuple[dt.datetime, Facts]:
    """When a request started, and what decides which budgets it falls under."""
    ((started, caller, chain, model),) = transaction.run(
        sql("facts", transaction.engine), [request_id]
    )
    tags = {key: value for key, value in transaction.run(_TAGS, [request_id])}  # noqa: C416 - rows
    return clock.from_text(started), Facts(caller, chain, model, tags)


def learnt(transaction: Transaction, record: Generation, *more: Table) -> None:
    """Book a provider's record: what it says is what its requests have spent."""
    named = naming(transaction, record.generation_id)
    counted(transaction, named, lambda: transaction.add(record, *more))


def naming(transaction: Transaction, generation_id: str) -> list[str]:
    """The requests that name a generation."""
    rows = transaction.run(sql("named", transaction.engine), [generation_id] * 2)
    return [row[0] for row in rows]


def sums(reader: Runs, budget: Budget) -> dict[str, Balance]:
    """What the facts say that a budget has spent and held, by period, since it was set."""
    condition, values = budget.scope.condition()
    start = budget.period_of(budget.since).start
    begin = "" if start is None else clock.to_text(start)
    statement = sql("sums", reader.engine).replace("{scope}", condition)
    opened = sql("opened_sums", reader.engine).replace("{scope}", condition)
    found: dict[str, Balance] = {}
    for minute, spent, held in (
        *reader.run(statement, [begin, *values]),
        *reader.run(opened, [begin, budget.scope.not_counted, *values]),
    ):
        label = budget.period_of(clock.from_text(f"{minute}:00.000000Z")).label
        before = found.get(label, Balance(0, 0))
        found[label] = Balance(before.spent_pico + int(spent), before.held_pico + int(held))
    return found
