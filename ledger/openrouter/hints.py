"""What to do about each way in which the provider fails, and how long it asks to wait."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from ledger import clock
from ledger.openrouter.keys import KEYS_PAGE

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)
_LONGEST_WAIT_S = 31 * 86_400
_SECONDS = re.compile(r"\d{1,9}(?:\.\d+)?")
_EPOCH_MS = re.compile(r"\d{1,14}")

_SETTLES = (
    "Whether it was charged shows later: `python -m ledger settle`. Sending it again is paid again."
)
_CREDITS = "https://openrouter.ai/settings/credits"
_PRIVACY = "https://openrouter.ai/settings/privacy"
_UNAUTHORIZED, _PAYMENT, _FORBIDDEN, _NOT_FOUND = 401, 402, 403, 404
_TIMEOUT, _TOO_LARGE, _TOO_MANY = 408, 413, 429
_OK, _REDIRECT, _CLIENT, _SERVER = 200, 300, 400, 500


def hint_for(
    status: int,
    message: str,
    metadata: Mapping[str, Any],
    headers: Mapping[str, str],
    model: str | None,
) -> str:
    """What to do about an answer of this status, in a sentence or two."""
    said = message.lower()
    if status == _UNAUTHORIZED:
        return f"Check the API key: it is missing, wrong or disabled. Keys are made at {KEYS_PAGE}."
    if status == _PAYMENT:
        return _payment_hint(said)
    if status == _FORBIDDEN:
        return _forbidden_hint(said, metadata)
    if status == _NOT_FOUND:
        return _not_found_hint(said, model)
    if status == _TOO_MANY:
        return _too_many_hint(metadata, headers)
    return _general_hint(status)


def seconds_to_wait(headers: Mapping[str, str], metadata: Mapping[str, Any]) -> int | None:
    """Whole seconds, rounded up, that an answer asks to wait, at most 31 days; else None.

    From `Retry-After` (seconds or an HTTP date), else from `X-RateLimit-Reset` (epoch
    milliseconds), which OpenRouter's free-tier 429 puts in `metadata.headers`.
    """
    asked = _header(headers, "retry-after")
    wait = _seconds_in(asked) if asked else None
    if wait is None:
        reset = _reset(metadata, headers)
        wait = None if reset is None else _until(reset)
    return None if wait is None or wait > _LONGEST_WAIT_S else wait


def _payment_hint(said: str) -> str:
    if "can only afford" in said or "max_tokens" in said:
        return (
            "Pass a smaller max_tokens (without one the model's whole output is reserved), "
            f"or add credits at {_CREDITS}."
        )
    return f"Add credits at {_CREDITS}; below zero even free models are refused."


def _forbidden_hint(said: str, metadata: Mapping[str, Any]) -> str:
    if "management key" in said or "provisioning key" in said:
        return f"A management key cannot run models, nor another do its work: see {KEYS_PAGE}."
    if "limit" in said or "budget" in said:
        return f"The key's or workspace's spending limit is reached: see {KEYS_PAGE}."
    if "reasons" in metadata or "moderation" in said or "flagged" in said:
        return "The model's moderation refused the input: change it, or use another model."
    if "patterns" in metadata or "guardrail" in said:
        return "A guardrail of the account refused the input: change it or the guardrail."
    return f"Check what this key may do: {KEYS_PAGE}."


def _not_found_hint(said: str, model: str | None) -> str:
    if model is not None and model.endswith(":free"):
        return (
            "Free models come and go: put another in the caller's openrouter_skill_config.json; "
            "`python -m ledger models list --free` shows those there are."
        )
    if "data policy" in said or "privacy" in said:
        return f"No endpoint is left under the account's privacy settings: {_PRIVACY}."
    return (
        "The model is gone, misspelt, or no endpoint serves it under these conditions: "
        "`python -m ledger models list` shows those there are."
    )


def _too_many_hint(metadata: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    reset = _reset(metadata, headers)
    if reset is not None:
        at = clock.to_text(reset)[:19]
        return f"The limit for free models resets at {at}Z; wait, or use a paid model."
    wait = seconds_to_wait(headers, metadata)
    return f"Wait {wait} s, then try again." if wait else "Wait, then try again more slowly."


def _general_hint(status: int) -> str:
    if status >= _SERVER or status == _TIMEOUT:
        return f"The provider failed. {_SETTLES}"
    if status == _TOO_LARGE:
        return "Send less: the request is too large."
    if status >= _CLIENT:
        return "Change the request: the model or a parameter is not accepted as it is."
    if status >= _REDIRECT:
        return "Redirects are not followed: check `base_url` (OPENROUTER_BASE_URL)."
    if status >= _OK:
        return f"It failed while answering. {_SETTLES}"
    return "Check `base_url` (OPENROUTER_BASE_URL): this is no answer of OpenRouter's."


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


def _reset(metadata: Mapping[str, Any], headers: Mapping[str, str]) -> dt.datetime | None:
    """When OpenRouter's own rate limit resets, where the answer says so."""
    inside = metadata.get("headers")
    places = (inside, headers) if isinstance(inside, dict) else (headers,)
    for place in places:
        text = str(_header(place, "x-ratelimit-reset") or "")
        if _EPOCH_MS.fullmatch(text):
            return _EPOCH + dt.timedelta(milliseconds=int(text))
    return None


def _header(headers: Mapping[str, Any], name: str) -> Any:
    """A header's value, whatever the case of its name."""
    return next((value for key, value in headers.items() if key.lower() == name), None)
