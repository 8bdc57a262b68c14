"""Days, weeks and months of any zone: each call is in exactly one, whatever the clocks do."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import freezegun
import pytest
import usagekit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usagekit import Planted, label, summed

from ledger.client import Ledger
from ledger.errors import QuestionInvalid

CALLS = usagekit.around_turns()
DAYS = sorted({call.at.date() + dt.timedelta(days=off) for call in CALLS for off in (-1, 0, 1)})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    usagekit.plant(tmp_path / "home", CALLS)
    opened = Ledger(home=tmp_path / "home", background=False)
    yield opened
    opened.close()


def total(calls: list[Planted]) -> Decimal:
    return sum((call.usd for call in calls), Decimal(0))


@pytest.mark.parametrize("key", ["hour", "day", "week", "month"])
def test_each_call_is_where_an_independent_calendar_has_it(ledger: Ledger, key: str) -> None:
    for zone in usagekit.ZONES:
        rows = ledger.report(key, tz=zone)
        found = {row.buckets: Decimal(row.total_usd) for row in rows}
        assert found == summed(CALLS, key, zone=zone), zone
        assert [row.bucket for row in rows] == sorted(str(row.bucket) for row in rows) or (
            key == "hour"
        )
        assert Decimal(rows.totals.total_usd) == total(CALLS)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    zone=st.sampled_from(usagekit.ZONES),
    first=st.sampled_from(DAYS),
    days=st.integers(0, 800),
    by=st.sampled_from([("day",), ("hour", "caller"), ("week",), ("caller", "month"), ("model",)]),
)
def test_days_months_and_the_whole_of_a_range_are_the_same(
    ledger: Ledger, zone: str, first: dt.date, days: int, by: tuple[str, ...]
) -> None:
    last = first + dt.timedelta(days=days)
    inside = [call for call in CALLS if first <= call.at.astimezone(ZoneInfo(zone)).date() <= last]
    report = ledger.report(*by, since=first, until=last.isoformat(), tz=zone)
    assert {row.buckets: Decimal(row.total_usd) for row in report} == summed(inside, *by, zone=zone)
    assert Decimal(report.totals.total_usd) == total(inside)
    assert report.totals.requests == len(inside) == sum(row.requests for row in report)


def test_the_days_of_each_month_are_the_month(ledger: Ledger) -> None:
    for zone in usagekit.ZONES:
        for month in ledger.report("month", tz=zone):
            days = ledger.report("day", since=month.month, until=month.month, tz=zone)
            assert days.totals.total_pico == month.total_pico, (zone, month.month)
            assert {str(row.day)[:7] for row in days} == {month.month}


def test_an_hour_that_comes_twice_is_two_hours(ledger: Ledger) -> None:
    found = ledger.report("hour", since="2026-10-25", until="2026-10-25", tz="Europe/Berlin")
    assert [row.hour for row in found] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]


NO_TIMES = ["", "soon", "2026-13", "2026-02-30", "2026-W54", "0000", "0001-01-01", "9999", "7x"]
NO_TIMES += ["-7d", "999999d", "2026-11-25T25:00", "2026-11-25T10:00+99:00", "\u0661d", "\x1b[2J"]
NO_TIMES += ["x" * 5000]
NOW = "2026-11-25T22:30:00Z"  # the 26th in Kathmandu
WORDS = {
    "2026": ("2026-01-01", "2027-01-01"),
    "2026-11": ("2026-11-01", "2026-12-01"),
    "2026-12": ("2026-12-01", "2027-01-01"),
    "2026-W01": ("2025-12-29", "2026-01-05"),
    "2028-02-29": ("2028-02-29", "2028-03-01"),
    "today": ("2026-11-26", "2026-11-27"),
    " Yesterday ": ("2026-11-25", "2026-11-26"),
    "7d": ("2026-11-19", "2026-11-20"),
    "2w": ("2026-11-12", "2026-11-13"),
    "now": ("2026-11-25T22:30:00.000000Z",) * 2,
    "36h": ("2026-11-24T10:30:00.000000Z",) * 2,
    "2026-11-25T10:00": ("2026-11-25T04:15:00.000000Z",) * 2,
    "2026-11-25 10:00:00.5Z": ("2026-11-25T10:00:00.500000Z",) * 2,
    "2026-11-25T10:00+01:00": ("2026-11-25T09:00:00.000000Z",) * 2,
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.one_engine
def test_a_word_means_a_stretch_of_the_zone_or_a_moment(ledger: Ledger, word: str) -> None:
    with freezegun.freeze_time(NOW):
        since = ledger.report("day", since=word, tz="Asia/Kathmandu").as_json()
        until = ledger.report("day", until=word, tz="Asia/Kathmandu").as_json()
    assert (since["since"], until["until"]) == WORDS[word]


@pytest.mark.parametrize(
    "word",
    NO_TIMES,
)
@pytest.mark.one_engine
def test_what_is_no_time_is_refused_with_what_is_one(ledger: Ledger, word: str) -> None:
    for edges in ((word, None), (None, word)):
        with pytest.raises(QuestionInvalid, match=r"2026-11|1900") as caught:
            ledger.report("day", since=edges[0], until=edges[1])
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-11-02", "2026-11-01"), ("2026-12", "2026-11-30"), ("2026-11-25T10:00",) * 2],
)
@pytest.mark.one_engine
def test_a_period_that_ends_before_it_begins_is_refused(
    ledger: Ledger, since: str, until: str
) -> None:
    with pytest.raises(QuestionInvalid, match="ends before it begins"):
        ledger.report("day", since=since, until=until)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "America", "../../etc/passwd", "a\0b", "é"])
@pytest.mark.one_engine
def test_what_is_no_zone_is_refused(ledger: Ledger, name: str) -> None:
    with pytest.raises(QuestionInvalid, match="There is no time zone"):
        ledger.report("day", tz=name)


@pytest.mark.one_engine
def test_a_zone_that_is_nearly_right_is_named(ledger: Ledger) -> None:
    with pytest.raises(QuestionInvalid, match="Did you mean Europe/Berlin"):
        ledger.report("day", tz="Europe/Berlim")


def test_a_moment_of_python_is_one_of_the_reports_zone(ledger: Ledger) -> None:
    call = CALLS[0]
    naive = call.at.astimezone(ZoneInfo("Asia/Kolkata")).replace(tzinfo=None)
    report = ledger.report("day", since=naive, tz="Asia/Kolkata", caller=call.caller)
    assert report.totals.requests == sum(
        each.at >= call.at and each.caller == call.caller for each in CALLS
    )
    assert label("day", call, "Asia/Kolkata") == report[0].day or report[0].day is not None
