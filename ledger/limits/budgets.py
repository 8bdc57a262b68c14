"""Budgets as they stand: what the rows of the table come to."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger import clock, money
from ledger.limits.periods import Period, period_of, zone
from ledger.limits.scopes import Facts, Scope

LATEST = "SELECT (SELECT id FROM budget ORDER BY number DESC LIMIT 1)"
"""Tells whether any budget was set, changed or removed since the last look."""

_ROWS = (
    "SELECT number, name, kind, counted_as, scope, scope_key, scope_value, period, zone,"
    " limit_pico, warn_percent, at_limit, id, at FROM budget ORDER BY number"
)


class Runs(Protocol):
    """What reads the budgets: a transaction, or anything else that runs a statement."""

    @property
    def engine(self) -> str:
        """The engine's name."""
        ...

    def run(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """The rows of a statement."""
        ...


@dataclass(slots=True)
class Budget:
    """A budget that is in force.

    Attributes:
        name: what it is called by.
        scope: whose calls count.
        period: `day`, `week`, `month` or `total`.
        zone: the time zone by whose clocks a period begins.
        limit_pico: what may be spent in a period, in 1e-12 USD.
        warn_percent: at which part of the limit a warning is due; None for never.
        at_limit: `refuse` or `warn`.
        counted_as: since which row it is counted.
        since: when that was.
    """

    name: str
    scope: Scope
    period: str
    zone: str
    limit_pico: int
    warn_percent: int | None
    at_limit: str
    counted_as: str
    since: dt.datetime
    _where: dt.tzinfo = field(init=False)
    _begun: Period = field(init=False)
    _now: Period = field(init=False)
    _counter: str = field(init=False)
    _warn_from: int = field(init=False)

    def __post_init__(self) -> None:
        self._where = zone(self.zone)
        self._warn_from = -(-self.limit_pico * (self.warn_percent or 100) // 100)
        self._begun = self._now = self.period_of(self.since)
        self._counter = f"{self.counted_as}/{self._now.label}"

    @property
    def refuses(self) -> bool:
        """Whether a call that could go beyond the limit is refused."""
        return self.at_limit == "refuse"

    @property
    def ceiling_pico(self) -> int | None:
        """What spent and held may come to."""
        return self.limit_pico if self.refuses else None

    def period_of(self, moment: dt.datetime) -> Period:
        """The period that a moment lies in."""
        return period_of(self.period, self._where, moment)

    def counter(self, moment: dt.datetime) -> str | None:
        """The id of the balance for a moment; None in a period before it was set."""
        if not self._now.has(moment):
            now = self.period_of(moment)
            if now.start is not None and now.label < self._begun.label:
                return None
            self._now, self._counter = now, f"{self.counted_as}/{now.label}"
        return self._counter

    def level(self, pico: int) -> str | None:
        """Which warning an amount in a period is due: `limit`, `warn` or none."""
        if pico < self._warn_from:
            return None
        return "limit" if pico >= self.limit_pico else "warn"

    @property
    def terms(self) -> str:
        """What it allows, in words."""
        each = "in all" if self.period == "total" else f"a {self.period}"
        return f"{money.usd_text(self.limit_pico)} USD {each} for {self.scope}"

    def has(self, facts: Facts) -> bool:
        """Whether a request falls under it."""
        return self.scope.has(facts)


def read(reader: Runs) -> tuple[Budget, ...]:
    """The budgets in force, by name."""
    stands: dict[str, Any] = {}
    begun: dict[str, str] = {}
    for row in reader.run(_ROWS):
        begun[row[12]] = row[13]
        stands[row[1]] = row
    found = [_budget(row, begun[row[3]]) for row in stands.values() if row[2] == "set"]
    return tuple(sorted(found, key=lambda each: each.name))


def _budget(row: Any, since: str) -> Budget:
    _, name, _, counted_as, *scope, period, zone_name, limit, percent, at_limit, _, _ = row
    moment = clock.from_text(since)
    return Budget(
        name, Scope(*scope), period, zone_name, limit, percent, at_limit, counted_as, moment
    )


def counters(budgets: Sequence[Budget], facts: Facts, moment: dt.datetime) -> dict[str, Budget]:
    """The balances that a request of a moment is counted in, in the one order of all."""
    found = [
        (counter, each)
        for each in budgets
        if each.has(facts) and (counter := each.counter(moment)) is not None
    ]
    return dict(sorted(found, key=lambda pair: pair[0]))
