"""Where a report is added up from: UTC days, quarters of an hour, or the requests one by one.

The coarsest that can tell is taken. Days and quarters are views of sums that are kept, so that a
report stays fast as the books grow; both know caller, model and provider and nothing else.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.reports.usage.question import TIMES, Question
from ledger.reports.usage.zones import Span

Stretch = tuple[dt.datetime, dt.datetime]

_DAY_S, _QUARTER_S = 86_400, 900
_SUMMED = frozenset({*TIMES, "caller", "model", "provider"})


@dataclass(frozen=True, slots=True)
class Source:
    """A statement of the books, and how its rows name what a report asks for.

    Attributes:
        statement: its name in `sql/reports`.
        at: the moment of a row, or its day.
        day: the UTC day of a row.
        names: what each key that is no time is called.
        is_of_days: whether a moment is no finer than a UTC day.
    """

    statement: str
    at: str
    day: str
    names: dict[str, str]
    is_of_days: bool = False


MUCH_STALE = 500
"""So many stale sums are dearer to make in a view than to read every request; then that is done.
A server's planner may compare each of them with each request."""

_KEPT = {"caller": "s.caller", "model": "s.model", "provider": "s.provider"}
_NAMES = {
    "caller": "s.caller",
    "model": "nullif(coalesce(s.model, s.model_asked), '')",
    "provider": "nullif(s.provider, '')",
    "member": "m.member",
    "tag": "t.key || '=' || t.value",
    "status": "s.status",
}
DAYS = Source("of_days", "s.day", "s.day", _KEPT, is_of_days=True)
QUARTERS = Source("of_quarters", "s.period", "substr(s.period, 1, 10)", _KEPT)
REQUESTS = Source("of_requests", "s.started_at", "s.day", _NAMES)
MEMBERS = Source("of_members", "s.started_at", "s.day", _NAMES)

OPENINGS = Source("openings", "s.started_at", "s.day", _KEPT | {"member": "s.caller"})
_NO_KEY = "CAST(NULL AS text)"


def opening_key(name: str) -> str:
    """What opening balances have for a key: their day is one by whichever zone their file had."""
    if name in TIMES:
        return "s.day || 'T00:00Z'" if name == "hour" else OPENINGS.day
    return OPENINGS.names.get(name, _NO_KEY)


def source(
    asked: Question,
    by: Sequence[str],
    spans: Sequence[Span],
    stretches: Sequence[Stretch],
    *,
    is_stale: bool = False,
) -> Source:
    """The coarsest source that tells exactly what is asked.

    Args:
        asked: the question.
        by: the keys of this statement of it.
        spans: the offsets of its zone while requests started.
        stretches: the moments that its period is cut to; none where it leaves nothing out.
        is_stale: whether `MUCH_STALE` sums or more are to be made anew.
    """
    if is_stale or asked.tag is not None or not _SUMMED.issuperset(by):
        return MEMBERS if "member" in by else REQUESTS
    turns = [(span.start, span.start) for span in spans[1:]]
    steps = [*(span.offset for span in spans), *_edges([*stretches, *turns])]
    if "hour" not in by and not any(span.offset for span in spans) and _all_of(steps, _DAY_S):
        return DAYS
    # Offsets of odd seconds, and clocks changed at a minute past: only the requests can tell.
    return QUARTERS if _all_of(steps, _QUARTER_S) else REQUESTS


def _edges(stretches: Sequence[Stretch]) -> Iterable[dt.timedelta]:
    start = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
    return (moment - start for stretch in stretches for moment in stretch)


def _all_of(steps: Iterable[dt.timedelta], seconds: int) -> bool:
    return not any(step % dt.timedelta(seconds=seconds) for step in steps)
