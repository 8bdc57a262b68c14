"""A request belongs to the UTC day and month in which it started: exactly one of each."""

import datetime as dt
from typing import TYPE_CHECKING

import freezegun
import pytest

from ledger.client import Ledger

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

MOMENTS = {
    "2026-01-31T23:59:59.999999Z": "2026-01-31",
    "2026-02-01T00:00:00.000000Z": "2026-02-01",
    "2028-02-28T12:00:00.000000Z": "2028-02-28",
    "2028-02-28T23:59:59.999999Z": "2028-02-28",
    "2028-02-29T00:00:00.000000Z": "2028-02-29",
    "2028-02-29T23:59:59.999999Z": "2028-02-29",
    "2028-12-31T23:59:59.999999Z": "2028-12-31",
    "2029-01-01T00:00:00.000000Z": "2029-01-01",
}


def call_at(moment: str, *, tick: dt.timedelta | None = None) -> None:
    """A real call, made while the wall clock shows that moment."""
    with freezegun.freeze_time(moment) as frozen:
        ledger = Ledger()
        try:
            ledger.get_response("Hello", "maker/model", "flow_x")
            if tick is not None:
                frozen.tick(tick)
                ledger.settle()
        finally:
            ledger.close()


def counts(by: str) -> dict[str | None, int]:
    ledger = Ledger()
    try:
        return {row.bucket: row.requests for row in ledger.report(by)}
    finally:
        ledger.close()


def test_every_call_is_in_exactly_one_day_and_one_month(ledger_sandbox: "Sandbox") -> None:
    for moment in MOMENTS:
        call_at(moment)
    days = list(MOMENTS.values())
    assert counts("day") == {day: days.count(day) for day in days}
    months = [day[:7] for day in days]
    assert counts("month") == {month: months.count(month) for month in months}
    assert sum(counts("day").values()) == sum(counts("month").values()) == len(MOMENTS)


@pytest.mark.parametrize("offset", ["+14:00", "-12:00", "+05:45"])
def test_the_day_is_utc_wherever_the_caller_is(ledger_sandbox: "Sandbox", offset: str) -> None:
    moment = dt.datetime.fromisoformat(f"2026-02-01T00:30:00{offset}")
    call_at(moment.isoformat())
    expected = moment.astimezone(dt.UTC).date().isoformat()
    assert counts("day") == {expected: 1}
    assert counts("month") == {expected[:7]: 1}


def test_a_request_settled_in_the_next_month_stays_where_it_started(
    ledger_sandbox: "Sandbox",
) -> None:
    ledger_sandbox.reply(cost="0.5", settled_cost="0.75")
    call_at("2026-01-31T23:59:59.999999Z", tick=dt.timedelta(days=2))
    ledger = Ledger()
    (row,) = ledger.report("month")
    ledger.close()
    assert (row.bucket, row.total_usd, row.settled_requests) == ("2026-01", "0.75", 1)
