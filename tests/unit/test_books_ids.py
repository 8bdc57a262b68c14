import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from freezegun import freeze_time

from ledger.books import ids


def test_ids_are_uuids_of_version_7() -> None:
    for text in (ids.new_id() for _ in range(2000)):
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert parsed.version == 7
        assert parsed.variant == uuid.RFC_4122
        assert ids.is_id(text)


def test_ids_hold_the_time_at_which_they_were_made() -> None:
    # Later than every real id of this process, which would hold the sequence up.
    moment = dt.datetime(2345, 6, 7, 8, 9, 10, 123000, tzinfo=dt.UTC)
    ids._restart()
    try:
        with freeze_time(moment):
            text = ids.new_id()
    finally:
        ids._restart()
    ms = uuid.UUID(text).int >> 80
    assert ms == int(moment.timestamp() * 1000)
    assert ids.floor_at(ms) <= text < ids.floor_at(ms + 1)


def test_ids_increase_within_each_thread_and_never_repeat() -> None:
    def make(_: int) -> list[str]:
        return [ids.new_id() for _ in range(2000)]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))
    assert all(mine == sorted(mine) for mine in made)
    assert len({each for mine in made for each in mine}) == 16_000


def test_ids_increase_though_the_clock_stands_or_steps_back() -> None:
    ids._restart()
    made = []
    try:
        for day in ("2026-11-23", "2026-11-22", "2020-01-01", "2026-11-24"):
            with freeze_time(day):
                made += [ids.new_id() for _ in range(5000)]  # more than the counter holds
    finally:
        ids._restart()
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0" * 32,
        "01A20BBF-48A4-7000-8DF0-42289B137813",
        "{01a20bbf-48a4-7000-8df0-42289b137813}",
    ],
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert not ids.is_id(text)
