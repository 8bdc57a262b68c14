"""Reading foreign values without trust: each either is what it should be, or is None.

A value of the wrong kind leaves a flag such as `prompt_tokens:type`; nothing is ever raised.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ledger import money
from ledger.openrouter.exact import clean
from ledger.openrouter.verbatim import safe_name

TEXT_LIMIT = 256
MAX_COUNT = 2**53
_MAX_COUNT_EXPONENT = 16
_UNKNOWN_LIMIT = 1000

_SECRET = re.compile(
    r"sk-or-v\d+-[0-9A-Za-z_-]{8,}|\bBearer\s+\S+|\b(?:user|org)_[0-9A-Za-z]{16,}",
    re.IGNORECASE,
)


def text_or_none(value: object, limit: int = TEXT_LIMIT) -> str | None:
    """A text, storable and cut to `limit` characters; None for anything else."""
    if not isinstance(value, str):
        return None
    return clean(value[:limit])


def flag_or_none(value: object, name: str, flags: list[str]) -> bool | None:
    """A boolean; None for anything else, flagged unless it is just missing."""
    if value is None or isinstance(value, bool):
        return value
    flags.append(f"{name}:type")
    return None


def count_or_none(value: object, name: str, flags: list[str]) -> int | None:
    """A whole number from 0 to 2**53; None for anything else, flagged unless missing."""
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    if value is None:
        return None
    number = _finite(value, name, flags)
    if number is None:
        return None
    if number != number.to_integral_value():
        flags.append(f"{name}:fraction")
        return None
    return int(number)


def milliseconds_or_none(value: object, name: str, flags: list[str]) -> int | None:
    """Whole milliseconds, rounded half-even; None for anything else, flagged unless missing."""
    if value is None:
        return None
    number = _finite(value, name, flags)
    return None if number is None else int(number.to_integral_value(rounding=ROUND_HALF_EVEN))


def pico_or_none(value: object, name: str, flags: list[str]) -> int | None:
    """Integer picodollars of a USD amount; None with a flag for anything else, also missing."""
    try:
        return money.to_pico(value)
    except money.NotMoney as error:
        flags.append(f"{name}:{error.flag}")
        return None


def optional_pico_or_none(value: object, name: str, flags: list[str]) -> int | None:
    """As `pico_or_none`, where a missing amount is the rule and has no flag."""
    return None if value is None else pico_or_none(value, name, flags)


def signed_pico_or_none(value: object, name: str, flags: list[str]) -> int | None:
    """As `pico_or_none`, for amounts that may be below zero; a missing one has no flag."""
    if value is None:
        return None
    if isinstance(value, Decimal) and value.is_signed() and not value.is_nan():
        pico = pico_or_none(value.copy_negate(), name, flags)
    elif isinstance(value, int) and not isinstance(value, bool) and value < 0:
        pico = pico_or_none(-value, name, flags)
    else:
        return pico_or_none(value, name, flags)
    return None if pico is None else -pico


def unknown_fields(value: dict[str, Any], known: frozenset[str]) -> str | None:
    """Names and JSON types of the members that nobody here knows: `foo:object, bar:number`."""
    if value.keys() <= known:
        return None
    found = (f"{safe_name(name)}:{kind(value[name])}" for name in value if name not in known)
    return ", ".join(found)[:_UNKNOWN_LIMIT]


def kind(value: object) -> str:
    """The JSON type of a parsed value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | Decimal):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def redact(text: str) -> str:
    """The text without keys, bearer tokens and account ids."""
    return _SECRET.sub("[redacted]", text)


def _finite(value: object, name: str, flags: list[str]) -> Decimal | None:
    """A number from 0 to 2**53 as a Decimal; else None, and the reason in the flags."""
    reason = "type"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_nan():
            reason = "nan"
        elif number.is_infinite() or number.adjusted() > _MAX_COUNT_EXPONENT:
            reason = "range"
        elif number < 0:
            reason = "negative"
        elif number > MAX_COUNT:
            reason = "range"
        else:
            return number
    flags.append(f"{name}:{reason}")
    return None
