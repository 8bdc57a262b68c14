"""What a comparison with the provider found. Amounts are integers of 1e-12 USD."""

import datetime as dt
from collections.abc import Container
from dataclasses import dataclass, field

from ledger.audit.periods import Period

KINDS = {
    "outside": "calls that are not in the ledger",
    "lost": "calls whose answer was lost, found at the provider",
    "pending": "calls whose cost is still asked for",
    "unknown": "calls whose cost nobody can say",
    "late_settlement": "calls that the provider's record settles at another cost",
    "day_boundary": "calls that the provider books on another day",
    "byok": "calls on the user's own provider keys, whose bill is not in the credits",
    "rounding": "digits that one side rounds away",
    "not_at_provider": "calls that the provider does not know",
    "changed": "settled calls for which the provider says another cost now",
}
"""What a line can be about."""

UNEXPLAINED = frozenset({"not_at_provider", "changed"})
"""Kinds that say which call differs and not why: they stay in the rest."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that makes the provider's figures differ from the ledger's.

    Attributes:
        kind: one of `KINDS`.
        day: the provider's UTC day, where known, else the ledger's.
        model, key_hash: whose.
        requests: how many calls.
        amount_pico: what it is about; None where nobody knows.
        difference_pico: its part of the provider's credits minus the ledger's, on its day; 0 of
            a call that each side books on another day, for groups go by the provider's.
        upstream_difference_pico: the same of the own bills of BYOK providers.
        ledger_day: where it isn't the same.
        at: when the call began, where it is one.
        request_id, generation_id: the one call, where it is one.
        note: what is known of it, in words.
        is_inferred: told from sums, not from a record of the very call.
    """

    kind: str
    day: str
    model: str | None
    key_hash: str | None
    requests: int = 1
    amount_pico: int | None = None
    difference_pico: int = 0
    upstream_difference_pico: int = 0
    ledger_day: str | None = None
    at: dt.datetime | None = None
    request_id: str | None = None
    generation_id: str | None = None
    note: str = ""
    is_inferred: bool = False

    @property
    def explains(self) -> bool:
        """Whether it says why, and not just which call."""
        return self.kind not in UNEXPLAINED

    def effect_on(self, days: Container[str]) -> int:
        """Its part of the provider's credits minus the ledger's, on certain days; picodollars."""
        if self.kind == "day_boundary":
            moved = (self.day in days) - (self.ledger_day in days)
            return moved * (self.amount_pico or 0)
        return self.difference_pico if self.explains and self.day in days else 0


@dataclass(frozen=True, slots=True)
class Group:
    """One model on one UTC day under one key, as both sides have it.

    Attributes:
        day: by the provider, where it is known when it booked a call.
        key_hash: None for calls whose key is not known, or where the provider doesn't say.
        ledger_requests: those that the provider must have.
        ledger_pico, provider_pico: credits.
        ledger_upstream_pico, provider_upstream_pico: the own bills of BYOK providers.
        rest_pico: what no line explains of the difference in credits.
        upstream_rest_pico: the same of those bills.
    """

    day: str
    model: str | None
    key_hash: str | None
    ledger_requests: int = 0
    provider_requests: int = 0
    ledger_pico: int = 0
    provider_pico: int = 0
    ledger_upstream_pico: int = 0
    provider_upstream_pico: int = 0
    rest_pico: int = 0
    upstream_rest_pico: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """A counter of the provider's beside the sum of the ledger's calls that it should have.

    Attributes:
        what: which counter, in words.
        explained_pico: what lines explain of the difference.
        rest_pico: what none does.
        note: what limits the comparison; empty where nothing does.
    """

    what: str
    provider_pico: int
    ledger_pico: int
    explained_pico: int
    rest_pico: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """A call whose cost the catalogue's prices at that minute do not give. An estimate.

    Attributes:
        cost_pico: what was charged for the model's work.
        estimate_pico: what the prices in the ledger's catalogue would have made it.
    """

    request_id: str
    day: str
    model: str
    provider: str | None
    cost_pico: int
    estimate_pico: int

    @property
    def difference_pico(self) -> int:
        """What was charged beyond the estimate."""
        return self.cost_pico - self.estimate_pico


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The ledger beside the provider's figures, and what explains their difference.

    `provider_pico - ledger_pico` is the sum of the lines' effects on its days and of the groups'
    `rest_pico`.

    Attributes:
        period: the UTC days.
        source: whose figures: `activity`, `csv`, or `key` where only the key's own are known.
        days: the days for which the provider told its figures.
        ledger_pico, provider_pico: credits of those days; the ledger's by its own days.
        unchecked: calls whose cost the catalogue says nothing about; `checked` are the others.
        notes: what could not be known, and why.
        recovered: requests whose lost answer was found and booked.
        tolerance_pico: a rest of more than this is too much.
    """

    period: Period
    source: str
    days: tuple[str, ...]
    ledger_pico: int
    provider_pico: int
    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    checks: tuple[Check, ...] = ()
    drift: tuple[Drift, ...] = ()
    checked: int = 0
    unchecked: int = 0
    recovered: tuple[str, ...] = ()
    tolerance_pico: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def rest_pico(self) -> int:
        """What nothing explains: the rests of groups and checks, whichever has more, unsigned."""
        groups = sum(abs(each.rest_pico) + abs(each.upstream_rest_pico) for each in self.groups)
        return max([groups, *(abs(check.rest_pico) for check in self.checks)])

    @property
    def is_explained(self) -> bool:
        """Whether the rest is within the tolerance."""
        return self.rest_pico <= self.tolerance_pico
