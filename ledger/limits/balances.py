"""What budgets have spent, hold and have left; who set them; and what is held for which request."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection
from sqlmodel import col, select

from ledger import clock, money
from ledger.books.books import Books
from ledger.books.models import Process, Request
from ledger.books.process import host_name, is_alive, start_of
from ledger.limits import budgets as in_force
from ledger.limits.budgets import Budget
from ledger.limits.counters import Balance, sql
from ledger.limits.scopes import Scope

_HISTORY = (
    "SELECT b.at, b.name, b.kind, b.scope, b.scope_key, b.scope_value, b.period, b.zone,"
    " b.limit_pico, b.warn_percent, b.at_limit, p.os_user, p.host"
    " FROM budget AS b JOIN process AS p ON p.id = b.process_id ORDER BY b.number"
)


class Reader:
    """Runs statements of this room on a connection for reading."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.engine = connection.dialect.name

    def run(self, statement: str, params: Sequence[Any] = ()) -> list[Any]:
        """The rows of a statement with `?` for each value."""
        mark = "?" if self.engine == "sqlite" else "%s"
        found = self._connection.exec_driver_sql(statement.replace("?", mark), tuple(params))
        return list(found)


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in its present period.

    Attributes:
        name, scope, period, zone, at_limit, warn_percent: as it was set.
        limit_pico, limit_usd: what may be spent in a period.
        spent_pico, spent_usd: what is known to be spent.
        held_pico, held_usd: the most that requests can cost whose cost is not known.
        left_pico, left_usd: what is left; below 0 where calls cost more than was held for them.
        period_label: the first day of the present period, or `total`.
        resets_at: when it ends, in UTC; None for never.
    """

    name: str
    scope: str
    period: str
    zone: str
    at_limit: str
    warn_percent: int | None
    limit_pico: int
    limit_usd: Decimal
    spent_pico: int
    spent_usd: Decimal
    held_pico: int
    held_usd: Decimal
    left_pico: int
    left_usd: Decimal
    period_label: str
    resets_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request whose cost is not known, and what is held for it.

    Attributes:
        request_id, started_at, caller, model, status, generation_id: as booked.
        cost_grade: `pending` is still asked for; `unknown` stays held until it is resolved.
        held_pico, held_usd: the most that it can have cost.
        process: `running`, `ended` where that is proven (by host, process id, start time and boot),
            else `not known`. That it ended doesn't prove that nothing was sent.
    """

    request_id: str
    started_at: dt.datetime
    caller: str | None
    model: str | None
    status: str
    cost_grade: str
    generation_id: str | None
    held_pico: int
    held_usd: Decimal
    process: str


@dataclass(frozen=True, slots=True)
class BudgetChange:
    """A budget was set, changed or removed.

    Attributes:
        at: when.
        os_user, host: by whom, where the ledger records that.
        kind: `set` or `removed`.
    """

    at: dt.datetime
    os_user: str | None
    host: str | None
    name: str
    kind: str
    scope: str
    period: str
    zone: str
    limit_pico: int
    limit_usd: Decimal
    warn_percent: int | None
    at_limit: str


def states(books: Books) -> list[BudgetState]:
    """Every budget in force, by name.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        reader = Reader(connection)
        return [_state(reader, each) for each in in_force.read(reader)]


def history(books: Books, name: str | None = None) -> list[BudgetChange]:
    """Every change of the budgets, or of those of a name, oldest first.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        changes = [_change(row) for row in Reader(connection).run(_HISTORY)]
    return [each for each in changes if name in (None, each.name)]


def held(books: Books) -> list[HeldRequest]:
    """Every request for which something is held, oldest first.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        reader = Reader(connection)
        rows = reader.run(sql("held", reader.engine))
        lives = _lives(connection, {row[8] for row in rows})
    return [_held(row, lives) for row in rows]


def _held(row: Any, lives: dict[str, str]) -> HeldRequest:
    id_, started, caller, model, status, grade, generation, amount, process_id = row
    return HeldRequest(
        id_,
        clock.from_text(started),
        caller,
        model,
        status,
        grade,
        generation,
        amount,
        _usd(amount),
        lives[process_id],
    )


def _lives(connection: Connection, ids: set[str]) -> dict[str, str]:
    """Of processes, whether they run."""
    found: dict[str, str] = {}
    for id_ in ids:
        row = connection.execute(select(Process).where(col(Process.id) == id_)).one()
        process = Process.model_construct(**dict(row._mapping))  # noqa: SLF001 - its public name
        found[id_] = life_of(process)
    return found


def life(books: Books, request_id: str) -> str:
    """Whether the process that made a request runs."""
    with books.read() as connection:
        query = select(Request.process_id).where(col(Request.id) == request_id)
        (found,) = _lives(connection, {connection.execute(query).scalar_one()}).values()
    return found


def life_of(process: Process) -> str:
    """Whether a process runs: `running`, `ended` or `not known`."""
    if not is_alive(process):
        return "ended"
    if process.host == host_name() and start_of(process.pid or 0) is not None:
        return "running"
    return "not known"


def _state(reader: Reader, budget: Budget) -> BudgetState:
    moment = clock.now()
    period = budget.period_of(moment)
    counter = budget.counter(moment)
    rows = reader.run(sql("show", reader.engine, 1), [counter])
    balance = Balance(*rows[0][1:]) if rows else Balance(0, 0)
    left = budget.limit_pico - balance.pico
    return BudgetState(
        budget.name,
        str(budget.scope),
        budget.period,
        budget.zone,
        budget.at_limit,
        budget.warn_percent,
        budget.limit_pico,
        _usd(budget.limit_pico),
        balance.spent_pico,
        _usd(balance.spent_pico),
        balance.held_pico,
        _usd(balance.held_pico),
        left,
        _usd(left),
        period.label,
        period.end,
    )


def _change(row: Any) -> BudgetChange:
    at, name, kind, *scope, period, zone, limit, percent, at_limit, user, host = row
    return BudgetChange(
        clock.from_text(at),
        user,
        host,
        name,
        kind,
        str(Scope(*scope)),
        period,
        zone,
        limit,
        _usd(limit),
        percent,
        at_limit,
    )


def _usd(pico: int) -> Decimal:
    """Exact USD, with no more decimals than it needs."""
    return Decimal(money.usd_text(pico))
