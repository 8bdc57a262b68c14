"""The one clock: the only reader of wall time, so freezing it freezes the books."""

import datetime as dt
import re
import time
from typing import TypeAlias

UTC = dt.UTC
_BOOKED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class Real:
    """Readers kept as class attributes, where a user's freezegun does not replace them."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
    # What tables are declared with: one loaded while time is frozen must not hold the fake.
    Moment: TypeAlias = dt.datetime


def now() -> dt.datetime:
    """The current moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def monotonic() -> float:
    """Seconds that never step back: for durations, deadlines and lock waits only."""
    return Real.monotonic()


def sleep(seconds: float) -> None:
    """Wait for real seconds, also while a test has frozen the wall clock."""
    Real.sleep(seconds)


def to_text(moment: dt.datetime) -> str:
    """Fixed-width UTC text, `2026-11-23T10:00:00.000000Z`, which sorts as time does.

    Raises:
        ValueError: the moment is naive, so nobody can say which instant it is.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a naive time cannot be booked: {moment!r}; give it a time zone")
    if moment.tzinfo is not dt.UTC:
        moment = moment.astimezone(dt.UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> dt.datetime:
    """The aware moment that `to_text` wrote.

    Raises:
        ValueError: the text is not of that form.
    """
    if _BOOKED.fullmatch(text) is None:  # other ISO forms would pass for another instant
        raise ValueError(f"not a booked time: {text!r}")
    return dt.datetime.fromisoformat(text[:-1]).replace(tzinfo=dt.UTC)


def day_of(moment: dt.datetime) -> str:
    """The UTC day, `2026-11-23`, in which a moment lies."""
    return to_text(moment)[:10]
