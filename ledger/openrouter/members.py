"""Where the members of a JSON object stand in its text.

The standard library's C scanner does the reading, so this agrees with `json.loads` on strings,
escapes and nesting; numbers are skipped, for only their place is of interest.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

# `bool` makes of a number's text something cheap that is no text: nobody reads it.
_SCANNER = json.JSONDecoder(parse_float=bool, parse_int=bool, parse_constant=bool, strict=False)
_WS = r"[ \t\r\n]*"
_OPEN = re.compile(_WS + r"\{" + _WS)
_COLON = re.compile(_WS + ":" + _WS)
_NEXT = re.compile(_WS + "," + _WS)
_CLOSE = re.compile(_WS + r"\}" + _WS + r"\Z")


class Member(NamedTuple):
    """One member of an object; `text[start:value_start]` is its key with the colon.

    Numbers in `value` are replaced by True or False; texts, lists and objects are as parsed.
    """

    name: str
    value: Any
    start: int
    value_start: int
    end: int


class NotAnObject(ValueError):
    """The text is no JSON object, or goes on after its end."""


def members(text: str) -> Iterator[Member]:
    """The members of the object that is all of `text`, in order.

    Raises:
        NotAnObject: while iterating, where the text turns out to be something else.
    """
    opened = _OPEN.match(text)
    if opened is None:
        raise NotAnObject
    if _CLOSE.match(text, opened.end()):
        return
    yield from members_from(text, opened.end())


def members_from(text: str, start: int) -> Iterator[Member]:
    """The members from the key at `start` to the end of the object, which must end the text.

    Raises:
        NotAnObject: while iterating, where no key stands there or the text goes on.
    """
    while True:
        name, key_end = value_at(text, start)
        colon = _COLON.match(text, key_end)
        if colon is None or not isinstance(name, str):
            raise NotAnObject
        value, end = value_at(text, colon.end())
        yield Member(name, value, start, colon.end(), end)
        if _CLOSE.match(text, end):
            return
        comma = _NEXT.match(text, end)
        if comma is None:
            raise NotAnObject
        start = comma.end()


def value_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends.

    Raises:
        NotAnObject: no JSON value begins there, or it is nested too deeply.
    """
    try:
        return _SCANNER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    raise NotAnObject
