"""Words for times: what `--since` and `--until` take, and the stretch of time that they mean.

A word means a day, week, month or year of the zone, or one instant. A period begins with the
first moment of its `since` and ends with the last of its `until`, so that `2026-11` to `2026-11`
is all of November.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from zoneinfo import ZoneInfo

from ledger import clock
from ledger.errors import QuestionInvalid
from ledger.reports.usage import zones
from ledger.reports.usage.zones import Span

Word: TypeAlias = str | dt.date | dt.datetime
"""A time as it is asked for; a naive `datetime` is one of the report's zone."""

Edge: TypeAlias = dt.date | dt.datetime
"""Where a period begins or ends: at the start of a local day, or at an instant (aware)."""

FIRST_YEAR, LAST_YEAR = 1900, 2200
_CHOICES = (
    "Give a day (2026-11-25), a week (2026-W48), a month (2026-11), a year (2026), a moment"
    " (2026-11-25T10:00Z), now, today, yesterday, or how long ago: 24h, 7d, 2w."
)
_ONE_DAY = dt.timedelta(days=1)
_DECEMBER = 12
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time of a zone; None where it has no beginning or no end.

    Attributes:
        since: its first moment.
        until: the first moment after it.
    """

    zone: ZoneInfo
    since: Edge | None = None
    until: Edge | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it leaves anything out."""
        return self.since is not None or self.until is not None

    def window(self, first: dt.date, last: dt.date) -> tuple[dt.datetime, dt.datetime]:
        """UTC from the first to the last day of the books, as far as this period can reach."""
        start = _midnight(first, dt.timedelta())
        end = _midnight(last + _ONE_DAY, dt.timedelta())
        if self.since is not None:
            start = max(start, _utc(self.since) - _ONE_DAY)
        if self.until is not None:
            end = min(end, _utc(self.until) + _ONE_DAY)
        return start, max(start, end)

    def stretches(self, spans: Sequence[Span]) -> list[tuple[dt.datetime, dt.datetime]]:
        """The UTC instants of this period in some spans: from each start up to its end.

        More than one where clocks are set back over midnight, so that a day comes twice.
        """
        found: list[tuple[dt.datetime, dt.datetime]] = []
        for span in spans:
            start = max(span.start, _instant(self.since, span))
            end = min(span.end, _instant(self.until, span, span.end))
            if start >= end:
                continue
            if found and found[-1][1] == start:
                start = found.pop()[0]
            found.append((start, end))
        return found


def period(since: Word | None, until: Word | None, zone: ZoneInfo) -> Period:
    """The period between two words.

    Raises:
        QuestionInvalid: one of them means no time, or it would end before it begins.
    """
    first = None if since is None else _meant(since, zone)[0]
    last = None if until is None else _meant(until, zone)[1]
    if first is not None and last is not None and instant(first, zone) >= instant(last, zone):
        raise QuestionInvalid(
            f"Since {since} until {until} there is no time: it ends before it begins.",
            hint="Give the earlier time as since.",
        )
    return Period(zone, first, last)


def text(edge: Edge | None) -> str | None:
    """An edge as text: a date of the zone, or a UTC moment."""
    if isinstance(edge, dt.datetime):
        return clock.to_text(edge)
    return None if edge is None else edge.isoformat()


def _meant(word: Word, zone: ZoneInfo) -> tuple[Edge, Edge]:
    """Where what a word means begins, and where it has ended."""
    if isinstance(word, dt.datetime):
        return _moment(word, zone)
    if isinstance(word, dt.date):
        return _checked(word), word + _ONE_DAY
    said = word.strip()
    for pattern, meaning in _WORDS:
        if (found := pattern.fullmatch(said)) is not None:
            try:
                first, last = meaning(found, zone)
            except (ValueError, OverflowError):
                break
            return _checked(first), last
    raise QuestionInvalid(f"{said[:_SHOWN]!r} is no time.", hint=_CHOICES)


def _checked(edge: Edge) -> Edge:
    if not FIRST_YEAR <= edge.year <= LAST_YEAR:
        raise QuestionInvalid(
            f"{edge} is no time of a call.", hint=f"Choose one of {FIRST_YEAR} to {LAST_YEAR}."
        )
    return edge


def _moment(value: dt.datetime, zone: ZoneInfo) -> tuple[Edge, Edge]:
    _checked(value)
    aware = (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(dt.UTC)
    return aware, aware


def _today(_: re.Match[str], zone: ZoneInfo) -> tuple[Edge, Edge]:
    today = zones.local_today(zone)
    return today, today + _ONE_DAY


def _yesterday(_: re.Match[str], zone: ZoneInfo) -> tuple[Edge, Edge]:
    today = zones.local_today(zone)
    return today - _ONE_DAY, today


def _now(_: re.Match[str], zone: ZoneInfo) -> tuple[Edge, Edge]:
    return _moment(clock.now(), zone)


def _ago(found: re.Match[str], zone: ZoneInfo) -> tuple[Edge, Edge]:
    """Hours ago is an instant; days and weeks ago are whole days."""
    number = int(found["number"])
    if found["unit"].lower() == "h":
        return _moment(clock.now() - dt.timedelta(hours=number), zone)
    day = zones.local_today(zone) - number * _ONE_DAY * (7 if found["unit"].lower() == "w" else 1)
    return day, day + _ONE_DAY


def _year(found: re.Match[str], _: ZoneInfo) -> tuple[Edge, Edge]:
    first = dt.date(int(found[0]), 1, 1)
    return first, first.replace(year=first.year + 1)


def _month(found: re.Match[str], _: ZoneInfo) -> tuple[Edge, Edge]:
    first = dt.date.fromisoformat(f"{found[0]}-01")
    return first, month_after(first)


def _week(found: re.Match[str], _: ZoneInfo) -> tuple[Edge, Edge]:
    first = dt.date.fromisocalendar(int(found["year"]), int(found["week"]), 1)
    return first, first + 7 * _ONE_DAY


def _day(found: re.Match[str], _: ZoneInfo) -> tuple[Edge, Edge]:
    first = dt.date.fromisoformat(found[0])
    return first, first + _ONE_DAY


def _written(found: re.Match[str], zone: ZoneInfo) -> tuple[Edge, Edge]:
    return _moment(dt.datetime.fromisoformat(found[0]), zone)


_WORDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], ZoneInfo], tuple[Edge, Edge]]], ...]
_WORDS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), meaning)
    for pattern, meaning in (
        ("now", _now),
        ("today", _today),
        ("yesterday", _yesterday),
        (r"(?P<number>\d{1,6})(?P<unit>[hdw])", _ago),
        (r"\d{4}", _year),
        (r"\d{4}-\d\d", _month),
        (r"(?P<year>\d{4})-W(?P<week>\d\d)", _week),
        (r"\d{4}-\d\d-\d\d", _day),
        (r"\d{4}-\d\d-\d\d[T ]\d.*", _written),
    )
)


def month_after(day: dt.date) -> dt.date:
    """The first day of the month after a day's own."""
    if day.month == _DECEMBER:
        return dt.date(day.year + 1, 1, 1)
    return dt.date(day.year, day.month + 1, 1)


def _instant(edge: Edge | None, span: Span, instead: dt.datetime | None = None) -> dt.datetime:
    """An edge in UTC, as the clocks of a span show it; the span's own start where there is none."""
    if edge is None:
        return instead or span.start
    return edge if isinstance(edge, dt.datetime) else _midnight(edge, span.offset)


def _midnight(day: dt.date, offset: dt.timedelta) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) - offset


def _utc(edge: Edge) -> dt.datetime:
    """An edge to within a day."""
    return edge if isinstance(edge, dt.datetime) else _midnight(edge, dt.timedelta())


def instant(edge: Edge, zone: ZoneInfo) -> dt.datetime:
    """The UTC moment of an edge, of a day that comes twice that of the first."""
    if isinstance(edge, dt.datetime):
        return edge
    return dt.datetime(edge.year, edge.month, edge.day, tzinfo=zone).astimezone(dt.UTC)
