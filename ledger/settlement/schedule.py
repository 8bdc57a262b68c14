"""When the provider is asked for a generation, and when asking ends. Pure: no clock, no books.

The provider answers 404 for 12 to 30 seconds after a call, longer after an interrupted stream,
and for ever where the id is wrong or another account's. So tries come at fixed times after the
request's end, wider and wider, and are bounded.
"""

import datetime as dt
from dataclasses import dataclass

TRIES_S = (5.0, 12.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds after a request's end at which its generation is asked for."""

GIVE_UP_AFTER = len(TRIES_S)
"""Tries, at least, until an id is given up before `BOUND_S`."""

BOUND_S = 24 * 3600.0
"""Seconds after a request's end after which one answer that knows no such id is enough."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times of the tries.

    Attributes:
        tries_s: seconds after the end, increasing.
        bound_s: seconds after the end from which a try is the last.
    """

    tries_s: tuple[float, ...] = TRIES_S
    bound_s: float = BOUND_S

    def next_due(
        self, ended_at: dt.datetime, attempts: int, last_attempt_at: dt.datetime | None
    ) -> dt.datetime | None:
        """When an id is to be asked for next; None where the schedule is over.

        Tries that nobody was there to make are made later, as far apart as they would have been.
        Tries by hand before their time don't use the schedule up.

        Args:
            ended_at: when its request ended.
            attempts: how many tries there were.
            last_attempt_at: when the last one was.
        """
        if last_attempt_at is None:
            return ended_at + _seconds(self.tries_s[0])
        age_s = (last_attempt_at - ended_at).total_seconds()
        for after_s in self.tries_s:
            if after_s > age_s:
                return ended_at + _seconds(after_s)
        if attempts >= len(self.tries_s) or age_s >= self.bound_s:
            return None
        number = max(attempts, 1)
        return last_attempt_at + _seconds(self.tries_s[number] - self.tries_s[number - 1])

    def retry_at(
        self, ended_at: dt.datetime, attempts: int, last_attempt_at: dt.datetime | None
    ) -> dt.datetime:
        """As `next_due`; an id that nobody could be asked about stays due, at the widest step."""
        due = self.next_due(ended_at, attempts, last_attempt_at)
        if due is not None or last_attempt_at is None:
            return due or ended_at
        return last_attempt_at + _seconds(self.tries_s[-1])

    def is_over(self, ended_at: dt.datetime, at: dt.datetime) -> bool:
        """Whether a moment lies beyond the bound."""
        return (at - ended_at).total_seconds() >= self.bound_s


DEFAULT = Schedule()
next_due = DEFAULT.next_due


def _seconds(count: float) -> dt.timedelta:
    return dt.timedelta(seconds=count)
