"""Charts as inline SVG: bars that stretch, and labels of HTML, which stay readable on a phone."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from ledger import money
from ledger.reports.page import markup
from ledger.reports.usage import periods
from ledger.reports.usage.report import Report, ReportRow

_HEIGHT = 1000
_GAP = 12
_LABELS = 4


class Bar(NamedTuple):
    """One bar: its label, the total, and what of it is settled; amounts in picodollars."""

    label: str
    total: int
    settled: int


def over_time(report: Report) -> str:
    """Spend over time, the settled part of each bar in its own colour."""
    found = [bar(row) for row in report]
    bars = list(_filled(report.question.by[0], found))
    most = max((each.total for each in bars), default=0)
    if most <= 0:
        return '<p class="none">No spend in this time.</p>\n'
    width = 100 * len(bars)
    drawn = "".join(_column(number, each, most) for number, each in enumerate(bars))
    step = max(1, (len(bars) - 1) // (_LABELS - 1))
    labels = "".join(f"<span>{markup.text(each.label)}</span>" for each in bars[::step][:_LABELS])
    return (
        f'<div class="chart"><div class="axis"><span>{_rough(most)} USD</span>'
        f"<span>{_rough(most // 2)}</span><span>0</span></div>"
        f'<svg class="columns" viewBox="0 0 {width} {_HEIGHT}" preserveAspectRatio="none"'
        f' role="img" aria-label="Spend over time">{drawn}</svg>'
        f'<div class="labels">{labels}</div></div>\n'
        '<p class="legend"><span class="key settled"></span>settled'
        ' <span class="key other"></span>not settled yet</p>\n'
    )


def by_name(report: Report, kept: int = 12) -> str:
    """A bar for each of the largest names, with its exact amount."""
    rows = [row for row in report if not row.others][:kept]
    most = max((row.total_pico for row in rows), default=0)
    if most <= 0:
        return '<p class="none">No spend in this time.</p>\n'
    lines = "".join(_line(row, most, report) for row in rows)
    return f'<ol class="bars">{lines}</ol>\n'


def bar(row: ReportRow) -> Bar:
    """A row of a report by time as a bar."""
    return Bar(row.bucket or "", row.total_pico, row.settled_pico)


def day_of(row: ReportRow) -> dt.date:
    """The day of a row of a report by days."""
    return dt.date.fromisoformat(str(row.day))


def _line(row: ReportRow, most: int, report: Report) -> str:
    label = markup.name(row.labels(report.question.ranked)[0])
    total, settled = (_percent(part, most) for part in (row.total_pico, row.settled_pico))
    return (
        f'<li><span class="name">{label}</span><svg class="bar" role="presentation">'
        f'<rect class="other" width="{total}%" height="100%"/>'
        f'<rect class="settled" width="{settled}%" height="100%"/></svg>'
        f'<span class="amount">{markup.text(row.total_usd)}</span></li>\n'
    )


def _column(number: int, each: Bar, most: int) -> str:
    said = markup.text(f"{each.label}: {money.usd_text(each.total)} USD")
    x, width = 100 * number + _GAP, 100 - 2 * _GAP
    parts = "".join(
        f'<rect class="{kind}" x="{x}" y="{_HEIGHT - high}" width="{width}" height="{high}"/>'
        for kind, part in (("other", each.total), ("settled", each.settled))
        if (high := part * _HEIGHT // most) > 0
    )
    return f"<g><title>{said}</title>{parts}</g>"


def _percent(part: int, most: int) -> str:
    return f"{(Decimal(100 * max(part, 0)) / most).quantize(Decimal('0.01'))}"


def _rough(pico: int) -> str:
    """An amount to three digits, for an axis."""
    usd = money.to_usd(pico)
    places = max(0, 2 - usd.adjusted()) if usd else 0
    return f"{usd.quantize(Decimal(1).scaleb(-min(places, 12))):f}"


# --- times without a call ---------------------------------------------------------------------


def _filled(key: str, found: Sequence[Bar]) -> Iterable[Bar]:
    """The bars with an empty one for each time between them that had no call."""
    if key not in _STEPS or not found:
        return found
    known = {each.label: each for each in found}
    first, last = (_STEPS[key].day(each.label) for each in (found[0], found[-1]))
    return (known.get(label, Bar(label, 0, 0)) for label in _labels(key, first, last))


def _labels(key: str, first: dt.date, last: dt.date) -> Iterator[str]:
    step = _STEPS[key]
    while first <= last:
        yield step.label(first)
        first = step.next(first)


class _Step(NamedTuple):
    day: Callable[[str], dt.date]
    label: Callable[[dt.date], str]
    next: Callable[[dt.date], dt.date]


_STEPS = {
    "day": _Step(dt.date.fromisoformat, dt.date.isoformat, lambda day: day + dt.timedelta(days=1)),
    "week": _Step(
        lambda label: dt.date.fromisocalendar(int(label[:4]), int(label[6:]), 1),
        lambda day: f"{day:%G-W%V}",
        lambda day: day + dt.timedelta(days=7),
    ),
    "month": _Step(
        lambda label: dt.date.fromisoformat(f"{label}-01"),
        lambda day: day.isoformat()[:7],
        periods.month_after,
    ),
}
