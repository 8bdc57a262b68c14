"""JSON files that people edit: read when they changed, with errors that name file and line.

No error carries what the file says, for a config may hold a key.
"""

import dataclasses
import errno
import json
import os
import re
import stat
from collections.abc import Callable, Hashable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from ledger import clock, errors

_MAX_BYTES = 1 << 20
# A file written this recently can change again without its stat showing it (file systems stamp
# in steps of some milliseconds), so it is not yet kept.
_SETTLED_NS = 50_000_000
_SPACE = re.compile(r"[ \t\n\r]*")
# What tells where text is odd: strings are passed over, then what JSON's grammar lacks, and depth.
_ODD = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?P<odd>-?(?:Infinity|NaN)|\d{4301,})|(?P<open>[\[{])|(?P<close>[\]}])',
    re.DOTALL,
)
_Made = TypeVar("_Made")
_Stat = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One reading of a JSON object in a file.

    Attributes:
        path: the file.
        data: its content; numbers with a point are Decimal.
        text: its text, from which lines are counted; never shown.
    """

    path: Path
    data: dict[str, Any] = dataclasses.field(repr=False)
    text: str = dataclasses.field(repr=False)
    _made: dict[Hashable, Any] = dataclasses.field(default_factory=dict, repr=False)

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What `make` yields, made once for this reading of the file."""
        if key not in self._made:
            self._made[key] = make()
        made: _Made = self._made[key]
        return made

    def section(self, *keys: str) -> dict[str, Any]:
        """The object under these keys; an absent one is empty.

        Raises:
            ConfigInvalid: something there is no object.
        """
        found: Any = self.data
        for depth, key in enumerate(keys, 1):
            found = found.get(key, {})
            if not isinstance(found, dict):
                raise self.invalid(keys[:depth], "an object, `{...}`")
        section: dict[str, Any] = found
        return section

    def place(self, *keys: str) -> str:
        """Where the value under these keys stands: the file and the line."""
        return _place(self.path, _line_of(self.text, keys))

    def invalid(self, keys: tuple[str, ...], expected: str) -> errors.ConfigInvalid:
        """The error for a value of a wrong kind: file, line, key, what is expected."""
        line = _line_of(self.text, keys)
        return invalid(self.path, line, f"`{'.'.join(keys)}` must be {expected}")


_kept: dict[Path, tuple[_Stat, Document]] = {}


def invalid(path: Path, line: int | None, problem: str) -> errors.ConfigInvalid:
    """The error for a config file, naming it and, where there is one, the line."""
    hint = "Correct the file; or rename it, and it is made again from the template."
    return errors.ConfigInvalid(f"{_place(path, line)}: {problem}.", hint=hint)


def _place(path: Path, line: int | None) -> str:
    return f"{path}, line {line}" if line is not None else str(path)


def read_document(path: Path) -> Document | None:
    """The JSON object in a file, or None where there is no file; read anew when it changed.

    Raises:
        ConfigInvalid: it can't be read, is no regular file, too large, no UTF-8, no JSON, or
            its JSON is no object.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - on the path of every call; Path.stat takes twice as long
    except (FileNotFoundError, NotADirectoryError):
        _kept.pop(path, None)
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # no file can have that name
            return None
        raise invalid(path, None, f"it cannot be read: {error.strerror}") from None
    seen = (found.st_mtime_ns, found.st_size, found.st_ino)
    kept = _kept.get(path)
    if kept is not None and kept[0] == seen:
        return kept[1]
    document = parse(path, _text(path, found))
    if abs(int(clock.now().timestamp() * 1000) * 1_000_000 - found.st_mtime_ns) > _SETTLED_NS:
        _kept[path] = (seen, document)
    return document


def _text(path: Path, found: os.stat_result) -> str:
    """The text of a file that was there a moment ago."""
    if not stat.S_ISREG(found.st_mode):
        raise invalid(path, None, "it is no regular file")
    if found.st_size > _MAX_BYTES:
        raise invalid(path, None, f"it is larger than {_MAX_BYTES} bytes")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise invalid(path, None, f"it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
    raise invalid(path, line, "it is no UTF-8")


def parse(path: Path, text: str) -> Document:
    """The JSON object in the text of a file.

    Errors are raised outside the handlers, whose exceptions hold the whole text.

    Raises:
        ConfigInvalid: it is no JSON, or its JSON is no object.
    """
    line: int | None = None
    try:
        data = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        line, problem = error.lineno, f"it is no JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        line, problem = _odd_line(text), "it is nested too deeply"
    except ValueError:
        line = _odd_line(text)
        problem = "it holds a number that is none: NaN, Infinity, or thousands of digits"
    else:
        if isinstance(data, dict):
            return Document(path, data, text)
        line, problem = 1, "it must hold an object, `{...}`"
    raise invalid(path, line, problem)


def _refuse(_constant: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError


def _odd_line(text: str) -> int:
    """The line of the first number that is none, else of the first of the deepest brackets."""
    depth, deepest, position = 0, 0, 0
    for found in _ODD.finditer(text):
        if found["odd"]:
            position = found.start()
            break
        depth += bool(found["open"]) - bool(found["close"])
        if depth > deepest:
            deepest, position = depth, found.start()
    return text.count("\n", 0, position) + 1


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """The line on which the value under these keys starts, in text that has been parsed."""
    position: int | None = 0
    for key in keys:
        if position is None:
            return None
        position = _value_of(text, position, key)
    return None if position is None else text.count("\n", 0, position) + 1


def _value_of(text: str, position: int, wanted: str) -> int | None:
    """Where the value of a key of the object at `position` starts; of two, the last, as in JSON."""
    decoder, found = json.JSONDecoder(parse_float=Decimal), None
    position = _skip(text, position)
    if text[_skip(text, position + 1)] == "}":
        return None
    while text[position] != "}":
        key, position = decoder.raw_decode(text, _skip(text, position + 1))
        position = _skip(text, _skip(text, position) + 1)
        found = position if key == wanted else found
        position = _skip(text, decoder.raw_decode(text, position)[1])
    return found


def _skip(text: str, position: int) -> int:
    """The next position that is no white space."""
    match = _SPACE.match(text, position)
    return match.end() if match else position
