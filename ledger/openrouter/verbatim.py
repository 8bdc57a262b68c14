"""The provider's own `usage` text: found in a body, and made fit to be kept.

What OpenRouter charged is evidence, so it is kept as written and not as parsed.
"""

import re
from contextlib import suppress
from typing import Any

from ledger.openrouter.members import Member, NotAnObject, members, members_from

MAX_USAGE_CHARS = 16 * 1024
_MAX_DEPTH = 8
_MAX_NAMES_CHARS = 1000
# How many `"usage"` are tried from the end before the whole object is walked.
_CANDIDATES = 3

_SAFE = r"[A-Za-z0-9_./:-]{0,64}"
_SAFE_TEXT = re.compile(_SAFE)
_UNSAFE_CHARACTER = re.compile(r"[^A-Za-z0-9_./:-]")
_ALL_TEXTS_SAFE = re.compile(rf'[^"]*+(?:"{_SAFE}"[^"]*+)*+')
_ESCAPED_KEY = re.compile(
    r'"(?:u|\\u0075)(?:s|\\u0073)(?:a|\\u0061)(?:g|\\u0067)(?:e|\\u0065)"[ \t\r\n]*:'
)


def usage_text(body: str) -> str | None:
    """The verbatim text of the top-level `usage` of a JSON object; None where it has none.

    Args:
        body: an object's text that `exact.loads` takes. For any other the answer means
            nothing, but nothing is raised.
    """
    # In valid JSON an unescaped `"usage"` is always a whole string, so whether one is the
    # top-level key shows by what follows: members up to the brace that ends the text.
    end = len(body)
    for _ in range(_CANDIDATES):
        start = body.rfind('"usage"', 0, end)
        if start < 0:
            break
        if body[start - 1] != "\\":
            with suppress(NotAnObject):
                return _last(body, members_from(body, start))
        end = start
    else:
        return _walked(body)
    if "\\u00" in body and _ESCAPED_KEY.search(body):
        return _walked(body)
    return None


def storable_usage(text: str, parsed: Any) -> tuple[str, str | None]:
    """The usage text as it may be kept, and the names of what had to be cut out of it.

    It stays whole when it has at most 16 KiB and all its strings, keys and values, look like
    identifiers: anything else could be content, a secret or an account id. What stays is
    digit for digit what was received.

    Args:
        text: what `usage_text` gave.
        parsed: the same, parsed; only whether it is an object matters.

    Returns:
        The text, and the dotted names of what was cut, comma-separated, or None.
    """
    if len(text) <= MAX_USAGE_CHARS and _ALL_TEXTS_SAFE.fullmatch(text):
        return text, None
    if not isinstance(parsed, dict):
        return "null", "usage"
    cut: list[str] = []
    try:
        kept = _fitting(_harmless_members(text, "", 0, cut), cut)
    except NotAnObject:
        return "null", "usage"
    # Nothing cut: the strings were safe, only written with escapes.
    return (kept, ",".join(cut)[:_MAX_NAMES_CHARS]) if cut else (text, None)


def safe_name(name: str) -> str:
    """A foreign member's name with `?` for what no identifier has, at most 64 characters."""
    return _UNSAFE_CHARACTER.sub("?", name[:64])


def _last(body: str, found: Any) -> str | None:
    """The text of the last of these members that is named `usage`, as `json` decides too."""
    usage: Member | None = None
    for member in found:
        if member.name == "usage":
            usage = member
    return body[usage.value_start : usage.end] if usage else None


def _walked(body: str) -> str | None:
    with suppress(NotAnObject):
        return _last(body, members(body))
    return None


def _harmless_members(text: str, path: str, depth: int, cut: list[str]) -> list[tuple[str, str]]:
    """Name and text of the members that may stay; the names of the others go to `cut`."""
    kept = []
    for member in members(text):
        where = path + safe_name(member.name)
        if not _SAFE_TEXT.fullmatch(member.name):
            cut.append(where)
        elif _is_harmless(member.value):
            kept.append((where, text[member.start : member.end]))
        elif isinstance(member.value, dict) and depth < _MAX_DEPTH:
            value = text[member.value_start : member.end]
            inner = _harmless_members(value, where + ".", depth + 1, cut)
            key = text[member.start : member.value_start]
            kept.append((where, key + _object(inner)))
        else:
            cut.append(where)
    return kept


def _is_harmless(value: Any) -> bool:
    """Whether every string in a parsed value looks like an identifier."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if not _SAFE_TEXT.fullmatch(item):
                return False
        elif isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return True


def _fitting(kept: list[tuple[str, str]], cut: list[str]) -> str:
    """The object of these members, without the longest ones where it would be too long."""
    spare = MAX_USAGE_CHARS - 2 - sum(len(text) + 1 for _, text in kept)
    dropped = set()
    for place in sorted(range(len(kept)), key=lambda place: -len(kept[place][1])):
        if spare >= 0:
            break
        dropped.add(place)
        spare += len(kept[place][1]) + 1
        cut.append(kept[place][0])
    return _object([member for place, member in enumerate(kept) if place not in dropped])


def _object(kept: list[tuple[str, str]]) -> str:
    return "{" + ",".join(text for _, text in kept) + "}"
