"""When generations are asked for, and when asking ends."""

import datetime as dt

import pytest

from ledger.settlement.schedule import BOUND_S, GIVE_UP_AFTER, TRIES_S, Schedule, next_due

ENDED = dt.datetime(2026, 11, 23, 23, 59, 58, tzinfo=dt.UTC)


def after(seconds: float) -> dt.datetime:
    return ENDED + dt.timedelta(seconds=seconds)


def test_each_try_comes_at_its_time_and_then_the_schedule_is_over() -> None:
    last, times = None, []
    for attempts in range(GIVE_UP_AFTER):
        due = next_due(ENDED, attempts, last)
        assert due is not None
        times.append((due - ENDED).total_seconds())
        last = due
    assert tuple(times) == TRIES_S
    assert next_due(ENDED, GIVE_UP_AFTER, last) is None


def test_the_first_try_after_thirty_seconds_finds_what_takes_thirty_seconds() -> None:
    assert next_due(ENDED, 3, after(20)) == after(30)
    assert next_due(ENDED, 4, after(30)) == after(60)


def test_tries_by_hand_before_their_time_do_not_use_the_schedule_up() -> None:
    assert next_due(ENDED, 50, after(11)) == after(12)
    assert next_due(ENDED, 50, after(3599)) == after(3600)


def test_tries_that_nobody_was_there_to_make_are_made_later_and_apart() -> None:
    ten_hours = 36_000.0
    first = next_due(ENDED, 0, None)
    assert first == after(5)
    last, attempts = after(ten_hours), 1
    gaps = []
    while (due := next_due(ENDED, attempts, last)) is not None:
        gaps.append((due - last).total_seconds())
        last, attempts = due, attempts + 1
    assert attempts == GIVE_UP_AFTER
    assert gaps == [7, 8, 10, 30, 60, 180, 300, 1200, 1800]


def test_beyond_the_bound_one_try_is_enough() -> None:
    assert next_due(ENDED, 1, after(BOUND_S)) is None
    assert next_due(ENDED, 1, after(BOUND_S - 1)) is not None


def test_an_id_whose_schedule_is_over_is_still_due_for_who_could_not_be_asked() -> None:
    schedule = Schedule()
    last = after(2 * BOUND_S)
    assert schedule.retry_at(ENDED, 12, last) == last + dt.timedelta(seconds=3600)
    assert schedule.retry_at(ENDED, 0, None) == after(5)
    assert schedule.retry_at(ENDED, 3, after(20)) == after(30)


@pytest.mark.parametrize("attempts", [0, 1, 5, 9, 10, 11, 1000])
@pytest.mark.parametrize("age", [-3600.0, 0.0, 4.9, 5.0, 3600.0, 86_399.0, 1e7])
def test_a_try_is_never_due_before_the_last_one(attempts: int, age: float) -> None:
    due = next_due(ENDED, attempts, after(age))
    assert due is None or due > after(age)
