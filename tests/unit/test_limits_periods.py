"""A moment lies in exactly one period of each kind, whatever the clocks of a zone do."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.clock import UTC
from ledger.errors import RequestInvalid
from ledger.limits.periods import KINDS, TOTAL, period_of, zone

ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
_MICRO = dt.timedelta(microseconds=1)
DATED = [kind for kind in KINDS if kind != "total"]
moments = st.integers(0, 4_102_444_800_000_000).map(
    lambda micros: dt.datetime.fromtimestamp(0, UTC) + dt.timedelta(microseconds=micros)
)


@given(moments, st.sampled_from(DATED), st.sampled_from(ZONES))
def test_periods_follow_each_other_without_gap_or_overlap(
    moment: dt.datetime, kind: str, name: str
) -> None:
    where = zone(name)
    period = period_of(kind, where, moment)
    assert period.has(moment)
    assert period.start is not None
    assert period.end is not None
    assert period_of(kind, where, period.start) == period
    assert period_of(kind, where, period.end - _MICRO) == period
    following = period_of(kind, where, period.end)
    assert following.start == period.end
    assert following.label > period.label


@given(moments, moments, st.sampled_from(DATED), st.sampled_from(ZONES))
def test_a_later_moment_is_never_in_an_earlier_period(
    one: dt.datetime, other: dt.datetime, kind: str, name: str
) -> None:
    first, second = sorted((one, other))
    where = zone(name)
    assert period_of(kind, where, first).label <= period_of(kind, where, second).label


@given(moments, st.sampled_from(ZONES))
def test_days_lie_within_weeks_and_months(moment: dt.datetime, name: str) -> None:
    where = zone(name)
    day = period_of("day", where, moment)
    assert day.start is not None
    assert day.end is not None
    for kind in ("week", "month"):
        wide = period_of(kind, where, moment)
        assert wide.start is not None
        assert wide.end is not None
        assert wide.start <= day.start < day.end <= wide.end
    assert period_of("total", where, moment) is TOTAL


@pytest.mark.parametrize(
    ("kind", "name", "moment", "label", "start", "hours"),
    [
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-29", "2026-03-28T23:00", 23),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-25", "2026-10-24T22:00", 25),
        ("day", "America/Havana", "2026-03-08T12:00", "2026-03-08", "2026-03-08T05:00", 23),
        ("day", "America/Havana", "2026-11-01T12:00", "2026-11-01", "2026-11-01T04:00", 25),
        ("day", "Asia/Kathmandu", "2026-11-23T18:14", "2026-11-23", "2026-11-22T18:15", 24),
        ("day", "Asia/Kathmandu", "2026-11-23T18:15", "2026-11-24", "2026-11-23T18:15", 24),
        ("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-31", "2011-12-30T10:00", 24),
        ("week", "UTC", "2026-11-29T23:59", "2026-11-23", "2026-11-23T00:00", 168),
        ("month", "UTC", "2026-11-30T23:59", "2026-11-01", "2026-11-01T00:00", 720),
        ("month", "Pacific/Auckland", "2026-11-30T11:00", "2026-12-01", "2026-11-30T11:00", 744),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01", "2028-02-01T00:00", 696),
    ],
)
def test_known_days_begin_and_last_as_clocks_had_it(  # noqa: PLR0913, PLR0917 - a row of a table
    kind: str, name: str, moment: str, label: str, start: str, hours: int
) -> None:
    at = dt.datetime.fromisoformat(moment).replace(tzinfo=UTC)
    period = period_of(kind, zone(name), at)
    assert period.label == label
    assert period.start == dt.datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert period.end is not None
    assert period.end - period.start == dt.timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "Europe", "a\0b"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(RequestInvalid, match="time zone"):
        zone(name)
