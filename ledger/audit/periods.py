"""The UTC days that are looked at."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ledger import clock
from ledger.errors import RequestInvalid

_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DAY = dt.timedelta(days=1)
_FORMS = "Write a month as 2026-11, a day as 2026-11-23."


@dataclass(frozen=True, slots=True)
class Period:
    """Days from the first to the last, both of them in it."""

    first: dt.date
    last: dt.date

    def __iter__(self) -> Iterator[str]:
        for number in range((self.last - self.first).days + 1):
            yield (self.first + number * _DAY).isoformat()

    def __contains__(self, day: object) -> bool:
        return isinstance(day, str) and self.first.isoformat() <= day <= self.last.isoformat()

    @property
    def start(self) -> dt.datetime:
        """Its first moment."""
        return dt.datetime.combine(self.first, dt.time.min, dt.UTC)

    @property
    def end(self) -> dt.datetime:
        """The first moment after it."""
        return dt.datetime.combine(self.last + _DAY, dt.time.min, dt.UTC)

    def wider(self, days: int = 1) -> "Period":
        """The same with so many days more on both sides."""
        return Period(self.first - days * _DAY, self.last + days * _DAY)


def chosen(month: str | None, since: str | None, until: str | None) -> Period:
    """The days of a month, or from a day to another; this month so far where none is named.

    Days that are still to come are left out.

    Raises:
        RequestInvalid: no month or day, an end before its beginning, or nothing of it has begun.
    """
    today = clock.now().date()
    if month is not None and (since is not None or until is not None):
        raise RequestInvalid("Name a month, or since and until, not both.", hint=_FORMS)
    if month is not None:
        first = _date(f"{month}-01") if _MONTH.fullmatch(month) else _no("month", month)
        last = (first.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY
    else:
        last = today if until is None else _date(until)
        first = last.replace(day=1) if since is None else _date(since)
    if first > last:
        raise RequestInvalid(f"{first} is after {last}: the period has no day.", hint=_FORMS)
    if first > today:
        raise RequestInvalid(f"{month or first} has not begun: it is {today} (UTC).", hint=_FORMS)
    return Period(first, min(last, today))


def _date(text: str) -> dt.date:
    try:
        found = dt.date.fromisoformat(text) if _ISO_DAY.fullmatch(text) else _no("day", text)
    except ValueError:
        return _no("day", text)
    # Others' years are no days of ours, and the days around them could not be told.
    return found if 1 < found.year < dt.MAXYEAR else _no("day", text)


def _no(what: str, text: str) -> dt.date:
    raise RequestInvalid(f"{text!r} is no {what}.", hint=_FORMS)
