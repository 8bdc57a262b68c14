"""The figures of a glance: two periods beside the ones before, the largest names, the sections."""

import dataclasses
import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ledger import clock
from ledger.books.books import Books
from ledger.reports.glance import sections
from ledger.reports.glance.sections import Section
from ledger.reports.usage import adding, question, zones
from ledger.reports.usage.report import SUMS, Report, ReportRow

_TOP = 5
_ONE_DAY = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """What a period came to so far, and the one before up to the same time of it.

    Attributes:
        name: `today` or `this month`; `before` is what the other is called.
        change_percent: of the total, to a tenth; None where there was nothing before.
    """

    name: str
    before: str
    now: ReportRow
    then: ReportRow
    change_percent: Decimal | None

    def as_json(self) -> dict[str, Any]:
        """Both totals, and the change."""
        return {
            "now": self.now.picked(SUMS),
            "before": self.then.picked(SUMS),
            "change_percent": self.change_percent,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Glance:
    """What there is to know at once.

    Attributes:
        at: when it was.
        tz: whose day and month these are.
        today, month: so far.
        callers, models: of this month, the largest first.
        ever: the totals of all time, with all that is pending or unknown.
        sections: what else there is to say.
    """

    at: dt.datetime
    tz: str
    today: Compared
    month: Compared
    callers: Report
    models: Report
    ever: ReportRow
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, Any]:
        """The glance for exact JSON."""
        return {
            "at": clock.to_text(self.at),
            "tz": self.tz,
            "today": self.today.as_json(),
            "month": self.month.as_json(),
            "callers": self.callers.as_json()["rows"],
            "models": self.models.as_json()["rows"],
            "ever": self.ever.picked(SUMS),
            **{each.name: each.as_json() for each in self.sections},
        }


def glance(books: Books, tz: str = "UTC") -> Glance:
    """The books at a glance.

    Raises:
        QuestionInvalid: there is no such time zone.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    zone = zones.zone(tz)
    today = zones.local_today(zone)
    first = today.replace(day=1)
    last_month = (first - _ONE_DAY).replace(day=1)
    with books.read() as connection:
        more = tuple(sections.sections(connection))
    return Glance(
        at=clock.now(),
        tz=tz,
        today=_compared(books, zone, ("today", "yesterday"), today, today - _ONE_DAY),
        month=_compared(books, zone, ("this month", "last month"), first, last_month),
        callers=adding.report(books, question.question("caller", since=first, tz=tz, top=_TOP)),
        models=adding.report(books, question.question("model", since=first, tz=tz, top=_TOP)),
        ever=_total(books, zone),
        sections=more,
    )


def _compared(
    books: Books, zone: ZoneInfo, names: tuple[str, str], start: dt.date, before: dt.date
) -> Compared:
    """A period so far, and the one before up to the same time, to a quarter of an hour."""
    local = clock.now().astimezone(zone).replace(tzinfo=None)
    so_far = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0) - _face(start)
    now = _total(books, zone, start)
    end = min(_face(before) + so_far, _face(start)).replace(tzinfo=zone)
    is_something = end > _face(before).replace(tzinfo=zone)
    then = _total(books, zone, before, end) if is_something else adding.nothing()
    return Compared(*names, now, then, _change(now.total_pico, then.total_pico))


def _face(day: dt.date) -> dt.datetime:
    """What clocks show when a day begins."""
    return dt.datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a clock's face has no zone


def _total(
    books: Books, zone: ZoneInfo, since: dt.date | None = None, until: dt.datetime | None = None
) -> ReportRow:
    asked = question.question("provider", since=since, until=until, tz=zone.key)
    return adding.report(books, asked).totals


def _change(now: int, before: int) -> Decimal | None:
    if before <= 0:
        return None
    percent = Decimal(100 * (now - before)) / before
    return percent.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
