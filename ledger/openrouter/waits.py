"""How long an answer asks to wait, and when a limit that it names starts anew.

Sources: `Retry-After`, in seconds or as an HTTP date; `X-RateLimit-Reset`, in epoch
milliseconds, which OpenRouter's free-tier 429 also puts into `metadata.headers`.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from ledger import clock

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)
_LONGEST_WAIT_S = 31 * 86_400
_SECONDS = re.compile(r"\d{1,9}(?:\.\d+)?")
_EPOCH_MS = re.compile(r"\d{1,14}")


def seconds_to_wait(headers: Mapping[str, str], metadata: Mapping[str, Any]) -> int | None:
    """Whole seconds, rounded up, that an answer asks to wait, at most 31 days; else None."""
    asked = header(headers, "retry-after")
    wait = _seconds_in(asked) if asked else None
    if wait is None:
        reset = reset_of(headers, metadata)
        wait = None if reset is None else _until(reset)
    return None if wait is None or wait > _LONGEST_WAIT_S else wait


def reset_of(headers: Mapping[str, str], metadata: Mapping[str, Any]) -> dt.datetime | None:
    """When OpenRouter's own limit starts anew, where the answer says so."""
    inside = metadata.get("headers")
    places = (inside, headers) if isinstance(inside, dict) else (headers,)
    for place in places:
        text = str(header(place, "x-ratelimit-reset") or "")
        if _EPOCH_MS.fullmatch(text):
            return _EPOCH + dt.timedelta(milliseconds=int(text))
    return None


def header(headers: Mapping[str, Any], name: str) -> Any:
    """A header's value, whatever the case of its name; None where there is none."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _seconds_in(asked: str) -> int | None:
    """Whole seconds of a `Retry-After`, rounded up."""
    text = asked.strip()
    if _SECONDS.fullmatch(text):
        whole, _, part = text.partition(".")
        return int(whole) + (1 if part.strip("0") else 0)
    from email.utils import parsedate_to_datetime  # only ever needed on this path

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return _until(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))


def _until(moment: dt.datetime) -> int:
    """Whole seconds from now to a moment, rounded up, never below zero."""
    return max(-((clock.now() - moment) // _SECOND), 0)
