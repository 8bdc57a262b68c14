"""Exact JSON: what the provider wrote, digit for digit, or a plain `NotJson`.

`json` of the standard library, told to make a `Decimal` of every number with a point or an
exponent. A stricter parser would lose a paid answer to one odd member.
"""

import json
from decimal import Decimal, DecimalException
from json.encoder import encode_basestring_ascii
from typing import Any

from ledger.openrouter.verbatim import storable_usage, usage_text
from ledger.texts import clean

__all__ = ["NotJson", "clean", "decode", "dumps", "loads", "scan", "storable_usage", "usage_text"]

# Longer integers are no count or amount of anything, and int() takes quadratic time for them.
_MAX_INT_DIGITS = 400
# A plain positional number of more places would be a way to write gigabytes.
_MAX_PLACES = 1000
_BOM = "\ufeff"


class NotJson(ValueError):
    """A body that is no JSON. The message says where, and holds nothing of the body."""


def _integer(digits: str) -> int | Decimal:
    """An int, or a `Decimal` where it is so long that `ledger.money` calls it out of range."""
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else Decimal(digits)


def _number(literal: str) -> Decimal:
    """A `Decimal`; infinity where the exponent is beyond what one can hold."""
    try:
        number = Decimal(literal)
    except DecimalException:
        return Decimal("Infinity")
    return number if number.is_finite() else Decimal("Infinity")


# strict=False: a raw control character in a text is no reason to lose a paid answer.
_FAST = json.JSONDecoder(
    parse_float=Decimal, parse_int=_integer, parse_constant=Decimal, strict=False
)
_CAREFUL = json.JSONDecoder(
    parse_float=_number, parse_int=_integer, parse_constant=Decimal, strict=False
)


def decode(body: bytes | str) -> str:
    """The text of a body, without a byte order mark and the whitespace that kept it alive.

    Raises:
        NotJson: the bytes are no UTF-8.
    """
    text = _text_of(body) if isinstance(body, bytes) else body
    if text is None:
        raise NotJson(f"not JSON: the {len(body)} bytes are no UTF-8")
    if text[:1] in "{[":
        return text
    return text.lstrip(" \t\r\n" + _BOM)


def loads(body: bytes | str) -> Any:
    """Parse JSON; numbers become `int` or `Decimal`, never float.

    `NaN` and the infinities, which JSON does not have, become such Decimals; lone surrogates
    stay in texts (see `clean`); of duplicate keys the last wins.

    Raises:
        NotJson: the body is no JSON, no UTF-8, or nested too deeply to be read.
    """
    text = decode(body)
    parsed = _parse(text)
    if isinstance(parsed, _Fault):
        # Raised here, outside any `except`: a JSONDecodeError carries the whole body with it.
        raise NotJson(parsed.message)
    return parsed


def scan(text: str, at: int) -> tuple[Any, int] | None:
    """The value that begins at a place of a text, as `loads` reads it, and where it ends.

    Returns:
        None where there is none, or not all of one.
    """
    try:
        return _FAST.raw_decode(text, at)
    except DecimalException:
        pass
    except (json.JSONDecodeError, RecursionError):
        return None
    try:
        return _CAREFUL.raw_decode(text, at)
    except (json.JSONDecodeError, RecursionError):
        return None


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Write JSON as `json.dumps` does, in ASCII, with every Decimal as a plain number.

    Raises:
        TypeError: a float, a key that is no text, or a type that JSON does not have.
        ValueError: a number that is not finite or has more than 1,000 places, or a value that
            is nested too deeply.
    """
    parts: list[str] = []
    try:
        _write(value, parts, indent, "\n")
    except RecursionError:
        raise ValueError("a value nested too deeply cannot be written as JSON") from None
    return "".join(parts)


class _Fault:
    """Why a body could not be parsed, kept apart from the exception that holds the body."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


def _text_of(body: bytes) -> str | None:
    """The decoded body, or None; surrogates written as bytes pass, as they do in `json`."""
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _parse(text: str) -> Any:
    try:
        return _FAST.decode(text)
    except DecimalException:
        pass
    except json.JSONDecodeError as error:
        return _Fault(_no_json(text, error.pos))
    except RecursionError:
        return _Fault("JSON that is nested too deeply")
    try:
        return _CAREFUL.decode(text)
    except json.JSONDecodeError as error:
        return _Fault(_no_json(text, error.pos))
    except RecursionError:
        return _Fault("JSON that is nested too deeply")


def _no_json(text: str, place: int) -> str:
    """What a text is instead of JSON."""
    if not text:
        return "not JSON: it is empty"
    if text.startswith("<"):
        return f"not JSON: it looks like HTML, {len(text)} characters"
    return f"not JSON (at character {place} of {len(text)})"


def _write(value: Any, parts: list[str], indent: int | None, newline: str) -> None:
    """Append the pieces of one value; `newline` is the line break of the current level."""
    if isinstance(value, str):
        parts.append(encode_basestring_ascii(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        parts.append(int.__repr__(value))
    elif isinstance(value, Decimal):
        parts.append(_plain(value))
    elif isinstance(value, dict):
        _write_members(value, parts, indent, newline)
    elif isinstance(value, list | tuple):
        _write_items(value, parts, indent, newline)
    else:
        raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def _write_members(
    value: dict[Any, Any], parts: list[str], indent: int | None, newline: str
) -> None:
    inner, comma, end = _breaks(indent, newline)
    separator = "{" + inner
    for key, member in value.items():
        if not isinstance(key, str):
            raise TypeError(f"a key must be text, not {type(key).__name__}")
        parts += (separator, encode_basestring_ascii(key), ": ")
        _write(member, parts, indent, inner)
        separator = comma
    parts.append(end + "}" if value else "{}")


def _write_items(
    value: list[Any] | tuple[Any, ...], parts: list[str], indent: int | None, newline: str
) -> None:
    inner, comma, end = _breaks(indent, newline)
    separator = "[" + inner
    for item in value:
        parts.append(separator)
        _write(item, parts, indent, inner)
        separator = comma
    parts.append(end + "]" if value else "[]")


def _breaks(indent: int | None, newline: str) -> tuple[str, str, str]:
    """What stands after the opening bracket, between members, and before the closing one."""
    if indent is None:
        return "", ", ", ""
    inner = newline + " " * indent
    return inner, "," + inner, newline


def _plain(number: Decimal) -> str:
    """Positional digits: `0.0000001`, never `1E-7`."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("NaN and infinity are no JSON numbers")  # noqa: TRY004 - a value, not a type
    if max(-exponent, number.adjusted()) > _MAX_PLACES:
        raise ValueError(f"a number of more than {_MAX_PLACES} places is not written out")
    return format(number, "f")
