import datetime as dt
import subprocess
import sys

import pytest
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import clock

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
MOMENTS = st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 12, 31), timezones=ZONES)  # noqa: DTZ001 - Hypothesis adds the zones


@settings(deadline=None)
@given(MOMENTS)
def test_a_moment_survives_the_books(moment: dt.datetime) -> None:
    text = clock.to_text(moment)
    assert len(text) == 27
    assert clock.from_text(text) == moment
    assert clock.from_text(text).tzinfo is dt.UTC
    assert clock.to_text(clock.from_text(text)) == text
    assert clock.day_of(moment) == moment.astimezone(dt.UTC).date().isoformat()


@settings(deadline=None)
@given(MOMENTS, MOMENTS)
def test_text_sorts_as_time_does(one: dt.datetime, other: dt.datetime) -> None:
    assert (clock.to_text(one) < clock.to_text(other)) == (one < other)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.to_text(dt.datetime(2026, 1, 1))  # noqa: DTZ001 - the point


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T10:00:00Z",
        "2026-11-23 10:00:00.000000Z",
        "2026-11-23T10:00:00,000000Z",
        "2026-11-23T10:00:00.000000z",
        "2026-11-23T10:00:00.000000+",
        "2026-13-23T10:00:00.000000Z",
        "2026-11-23T10:00:60.000000Z",
        "20261123T100000.000+01:00Z",
        "2026-W48-1T10:00:00.00000Z",
        "2026-11-23T10:00:00.0000000",
        "1763892000.000000000000000Z",
    ],
)
def test_what_is_no_booked_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        clock.from_text(text)


def test_freezing_the_wall_clock_freezes_the_books_only() -> None:
    with freeze_time("2028-02-29T23:59:59.999999Z"):
        assert clock.to_text(clock.now()) == "2028-02-29T23:59:59.999999Z"
        assert clock.day_of(clock.now()) == "2028-02-29"
        began = clock.monotonic()
        clock.sleep(0.02)
        assert 0.015 < clock.monotonic() - began < 5


def test_now_is_aware_and_utc() -> None:
    assert clock.now().utcoffset() == dt.timedelta(0)
    assert abs((clock.now() - dt.datetime.now(dt.UTC)).total_seconds()) < 5


def test_a_table_that_is_first_named_while_time_is_frozen_is_as_any_other() -> None:
    code = (
        "import ledger.client, freezegun\n"
        "with freezegun.freeze_time('2026-11-23'):\n"
        "    from ledger.books import models\n"
        "    models.load_all()\n"
        "print(len(models._HOMES))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0


def test_a_ledger_that_is_first_loaded_while_time_is_frozen_has_its_tables() -> None:
    code = (
        "import freezegun, ledger\n"
        "with freezegun.freeze_time('2026-11-23'):\n"
        "    import ledger.client\n"
        "    from ledger.books import models\n"
        "    models.load_all()\n"
        "print(len(models._HOMES))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
