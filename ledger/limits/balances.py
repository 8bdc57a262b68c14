"""What budgets have spent, hold and have left; who set them; and what is held for which request."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from ledger import clock, money
from ledger.books.books import Books
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
        money.to_usd(budget.limit_pico),
        balance.spent_pico,
        money.to_usd(balance.spent_pico),
        balance.held_pico,
        money.to_usd(balance.held_pico),
        left,
        money.to_usd(left),
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
        money.to_usd(limit),
        percent,
        at_limit,
    )
