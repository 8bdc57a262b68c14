"""Checks of single values in a config file: each yields the value, or says where and what.

All take the document, the keys that lead to the value, and the value.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger.callers.documents import Document

_MAX_TIMEOUT_S = 10**6
# Beyond these a number is no setting, and turning it into text may not come back.
_MAX_POWER = 9
_MIN_POWER = -18
_MAX_DIGITS = 28

Check = Callable[[Document, tuple[str, ...], Any], Any]


def checked(document: Document, keys: tuple[str, ...], checks: dict[str, Check]) -> dict[str, Any]:
    """The values of a section, each checked; a null says nothing."""
    section = document.section(*keys)
    return {
        name: check(document, (*keys, name), section[name])
        for name, check in checks.items()
        if section.get(name) is not None
    }


def text(document: Document, keys: tuple[str, ...], value: Any) -> str | None:
    """Text; an empty one, or null, is None."""
    if value is not None and not isinstance(value, str):
        raise document.invalid(keys, "text in quotes, or null")
    return value or None


def name(document: Document, keys: tuple[str, ...], value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise document.invalid(keys, "a name in quotes")
    return value


def switch(document: Document, keys: tuple[str, ...], value: Any) -> bool:
    """True or false, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise document.invalid(keys, "true or false")
    return value


def number(document: Document, keys: tuple[str, ...], value: Any) -> Decimal | int | None:
    """A number of a size that a setting can have."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int) or not _sane(value):
        raise document.invalid(keys, "a number, or null")
    return value


def _sane(value: Decimal | int) -> bool:
    """Whether a number can be handled without a thought for its size."""
    digits = Decimal(value)
    return not digits or (
        _MIN_POWER <= digits.adjusted() <= _MAX_POWER
        and len(digits.as_tuple().digits) <= _MAX_DIGITS
    )


def count(document: Document, keys: tuple[str, ...], value: Any) -> int | None:
    """A whole number above 0."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0 or not _sane(value):
        raise document.invalid(keys, "a whole number above 0, or null")
    return value


def seconds(document: Document, keys: tuple[str, ...], value: Any) -> float:
    """Seconds above 0. Durations are no money, so a float will do."""
    found = number(document, keys, value)
    if found is None or not 0 < found <= _MAX_TIMEOUT_S:
        raise document.invalid(keys, "a number of seconds above 0")
    return found if isinstance(found, int) else float(found)


def paths(document: Document, keys: tuple[str, ...], home: Path) -> tuple[Path, ...]:
    """A list of paths; relative ones start at the home."""
    value = document.section(*keys[:-1])[keys[-1]]
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise document.invalid(keys, "a list of paths in quotes")
    return tuple(home / Path(each).expanduser() for each in value)
