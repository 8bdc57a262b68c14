"""The periods of budgets, in any time zone: a moment lies in exactly one of each kind.

A period begins at the first moment of its first day, by the clocks of its zone. Where a change of
the clocks leaves that moment out, it begins with the change; where it comes twice, with the first.
"""

import datetime as dt
from typing import NamedTuple

from ledger.clock import UTC
from ledger.errors import RequestInvalid

KINDS = ("day", "week", "month", "total")
_DAY = dt.timedelta(days=1)
_LONGEST_MONTH = dt.timedelta(days=31)


class Period(NamedTuple):
    """A period.

    Attributes:
        label: its first day, `2026-11-23`, or `total`.
        start, end: its first moment and that of the next, in UTC; None where it has none.
    """

    label: str
    start: dt.datetime | None
    end: dt.datetime | None

    def has(self, moment: dt.datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.start is None or self.start <= moment) and (
            self.end is None or moment < self.end
        )


TOTAL = Period("total", None, None)


def zone(name: str) -> dt.tzinfo:
    """A time zone by its name of the IANA's database.

    Raises:
        RequestInvalid: there is none of that name.
    """
    if name == "UTC":
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RequestInvalid(
            f"There is no time zone {name[:80]!r}.",
            hint="Give one by its name, such as Europe/Berlin or UTC.",
        ) from error


def period_of(kind: str, where: dt.tzinfo, moment: dt.datetime) -> Period:
    """The period of a kind that a moment lies in.

    Args:
        kind: one of `KINDS`.
        where: the zone by whose clocks it begins.
        moment: aware.
    """
    if kind == "total":
        return TOTAL
    period = _period(kind, where, _first(kind, moment.astimezone(where).date()))
    while period.start is not None and moment < period.start:  # clocks that went back at midnight
        before = dt.date.fromisoformat(period.label) - _DAY
        period = _period(kind, where, _first(kind, before))
    while period.end is not None and moment >= period.end:  # a day that a zone left out
        after = _next(kind, dt.date.fromisoformat(period.label))
        period = _period(kind, where, after)
    return period


def _period(kind: str, where: dt.tzinfo, first: dt.date) -> Period:
    return Period(first.isoformat(), _midnight(first, where), _midnight(_next(kind, first), where))


def _first(kind: str, day: dt.date) -> dt.date:
    """The first day of the period that a day is in; a week begins on Monday."""
    if kind == "week":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _next(kind: str, first: dt.date) -> dt.date:
    """The first day of the period after the one that begins with a day."""
    if kind == "month":
        return (first + _LONGEST_MONTH).replace(day=1)
    return first + (_DAY * 7 if kind == "week" else _DAY)


def _midnight(day: dt.date, where: dt.tzinfo) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=where).astimezone(UTC)
