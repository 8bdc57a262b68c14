"""A report: typed rows, and the total of them with its grades."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, overload

from ledger.reports.rows import UsageRow
from ledger.reports.usage import periods
from ledger.reports.usage.question import KEYS, Question

NOBODY = "(none)"
GRADES = ("settled", "reported", "pending", "unknown", "not_charged", "declared")
"""What is known of a request's cost."""

_OTHERS = "others"
_OWN = ("own_requests", "own_total_pico", "own_total_usd")
_FOREIGN = frozenset({*KEYS, *_OWN, _OTHERS, "by"})


class ReportRow(UsageRow):
    """What the requests of one row came to.

    Of the keys only those that the report is by are filled; None there are the requests that
    have none, or, where `others` says how many, the names that did not make the top.

    Attributes:
        by: the keys of the report.
        hour: as `2026-11-25T10:00+01:00`, where clocks that are set back show each hour once.
        week: as ISO has it, `2026-W48`, from Monday on.
        member: of chains; own_* is what it asked itself, the rest what went through it.
        tag: as `key=value`.
        others: how many names this row stands for; 0 where it is one.
        total_pico: credits (`cost_pico`) and upstream spend (`upstream_pico`). It has no
            declared amounts; `settled_pico` and `reported_pico` are its parts by grade.
        declared_pico: what an operator or an imported file stated.
        unpriced_requests: requests whose cost has none of the grades.
    """

    by: tuple[str, ...] = ()
    hour: str | None = None
    day: str | None = None
    week: str | None = None
    month: str | None = None
    caller: str | None = None
    member: str | None = None
    model: str | None = None
    provider: str | None = None
    tag: str | None = None
    status: str | None = None
    others: int = 0
    declared_pico: int
    declared_usd: str
    declared_requests: int
    unpriced_requests: int
    own_requests: int | None = None
    own_total_pico: int | None = None
    own_total_usd: str | None = None

    @property
    def buckets(self) -> tuple[str | None, ...]:
        """What the row is for: a value for each key of the report."""
        return tuple(getattr(self, key) for key in self.by)

    @property
    def bucket(self) -> str | None:
        """The first of them."""
        return self.buckets[0]

    def labels(self, ranked: int) -> tuple[str, ...]:
        """The buckets in words; `ranked` is the place of the one that others may stand at."""
        words = [NOBODY if value is None else value for value in self.buckets]
        if self.others:
            words[ranked] = f"({self.others} others)"
        return tuple(words)

    def values(self, columns: Sequence[str]) -> list[Any]:
        """The row's values in the order of some columns."""
        return [getattr(self, name) for name in columns]

    def picked(self, columns: Sequence[str]) -> dict[str, Any]:
        """Some columns of the row for exact JSON."""
        known = self.as_json()
        return {name: known[name] for name in columns}


SUMS = tuple(name for name in ReportRow.model_fields if name not in _FOREIGN)
"""The columns of figures, `*_usd` beside each `*_pico`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Report(Sequence[ReportRow]):
    """The rows of a report in order: of times as they passed, of names the largest first.

    Attributes:
        question: what was asked.
        rows: the answer; a `Report` is also the sequence of them.
        totals: of all requests that were asked for. It is the sum of the rows, unless these
            share requests, as those of members and tags do.
    """

    question: Question
    rows: list[ReportRow]
    totals: ReportRow

    @overload
    def __getitem__(self, index: int) -> ReportRow: ...

    @overload
    def __getitem__(self, index: slice) -> list[ReportRow]: ...

    def __getitem__(self, index: int | slice) -> ReportRow | list[ReportRow]:
        return self.rows[index]

    def __iter__(self) -> Iterator[ReportRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what each row has: its keys first, then the figures."""
        by = self.question.by
        others = (_OTHERS,) if self.question.top is not None else ()
        return (*by, *others, *SUMS, *(_OWN if "member" in by else ()))

    def as_json(self) -> dict[str, Any]:
        """The report for exact JSON: what was asked, the rows, and their total."""
        asked = self.question
        names = dict(zip(("by", "then"), asked.by, strict=False))
        period = asked.period
        return {
            **names,
            "since": periods.text(period.since),
            "until": periods.text(period.until),
            "tz": period.zone.key,
            "rows": [row.picked(self.columns) for row in self.rows],
            "totals": self.totals.picked(SUMS),
        }
