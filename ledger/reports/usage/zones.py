"""Time zones as spans of one offset each, so that SQL can tell local days by adding seconds."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from ledger import clock
from ledger.errors import QuestionInvalid

_STEP = dt.timedelta(hours=12)
_SECOND = dt.timedelta(seconds=1)
_SHOWN = 60


class Span(NamedTuple):
    """From `start` up to `end`, both UTC, clocks showed UTC plus `offset`."""

    start: dt.datetime
    end: dt.datetime
    offset: dt.timedelta


def zone(name: str) -> zoneinfo.ZoneInfo:
    """A zone by its IANA name.

    Raises:
        QuestionInvalid: there is none of that name.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, zoneinfo.available_timezones(), n=1, cutoff=0.5)
        raise QuestionInvalid(
            f"There is no time zone {name[:_SHOWN]!r}.",
            hint=f"Did you mean {near[0]}?" if near else "Give an IANA name: Asia/Kathmandu.",
        ) from None


def spans(where: dt.tzinfo, start: dt.datetime, end: dt.datetime) -> list[Span]:
    """The spans of one offset from `start` up to `end`, in order, without a gap."""
    found = []
    begun, offset = start, _offset(where, start)
    for moment in _steps(start, end):
        if (now := _offset(where, moment)) != offset:
            turn = _turn(where, moment - _STEP, moment)
            found.append(Span(begun, turn, offset))
            begun, offset = turn, now
    return [*found, Span(begun, end, offset)]


def _steps(start: dt.datetime, end: dt.datetime) -> Iterator[dt.datetime]:
    moment = start
    while (moment := moment + _STEP) < end:
        yield moment
    yield end


def _turn(where: dt.tzinfo, before: dt.datetime, after: dt.datetime) -> dt.datetime:
    """The second at which the offset changes between two moments."""
    offset = _offset(where, after)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if _offset(where, middle) == offset:
            after = middle
        else:
            before = middle
    return after


def _offset(where: dt.tzinfo, moment: dt.datetime) -> dt.timedelta:
    return moment.astimezone(where).utcoffset() or dt.timedelta()


def local_today(where: dt.tzinfo) -> dt.date:
    """The date that clocks show there now."""
    return clock.now().astimezone(where).date()
