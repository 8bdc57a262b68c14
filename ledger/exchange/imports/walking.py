"""JSON read as a stream: members of large objects and items of large arrays, one at a time.

What is not walked into is parsed whole, exactly; so only one entry is ever in memory.
"""

import codecs
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeAlias

from ledger.openrouter import exact

Path: TypeAlias = tuple[str | int, ...]
Wanted: TypeAlias = Callable[[Path], bool]

_PIECE = 1 << 18
# A longer entry is no call and no total.
_MAX_ENTRY = 1 << 24
_GOES_ON = re.compile(r"[0-9.eE+-]*")
_SPACE = re.compile(r"[ \t\r\n]*")
_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class Broken(ValueError):
    """The file is no JSON, or stops in the middle of it. The message says where."""


class Walker:
    """One pass over a JSON file.

    Args:
        file: its bytes.
        progress: called with the bytes read so far.

    Attributes:
        digest: of all bytes read so far.
        read: how many.
    """

    def __init__(self, file: BinaryIO, progress: Callable[[int], None] | None = None) -> None:
        self._file = file
        self._progress = progress
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        self._text = ""
        self._at = 0
        self._before = 0
        self._is_end = False
        self.digest = hashlib.sha256()
        self.read = 0

    def walk(self, wanted: Wanted) -> Iterator[tuple[Path, Any]]:
        """Each value that is not walked into, by its path.

        Args:
            wanted: whether the object or array at a path is walked into.

        Raises:
            Broken: the file is no JSON to its end.
        """
        self._more()
        if self._text.startswith("\ufeff"):
            self._at = 1
        yield from self._value((), wanted)
        if self._peek():
            raise self._broken("something follows the end of the document")

    def _value(self, path: Path, wanted: Wanted) -> Iterator[tuple[Path, Any]]:
        opening = self._peek()
        if opening in ("{", "[") and wanted(path):
            self._at += 1
            yield from self._members(path, wanted, is_object=opening == "{")
        else:
            yield path, self._whole()

    def _members(
        self, path: Path, wanted: Wanted, *, is_object: bool
    ) -> Iterator[tuple[Path, Any]]:
        closing, index = "}" if is_object else "]", 0
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            name: str | int = index
            if is_object:
                if self._peek() != '"':
                    raise self._broken("a member has no name")
                name = self._whole()
                self._expect(":")
            yield from self._value((*path, name), wanted)
            index += 1
            found = self._peek()
            self._at += 1
            if found == closing:
                return
            if found != ",":
                raise self._broken("an entry does not end")

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise self._broken(f"a {character!r} is missing")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _whole(self) -> Any:
        """Parse one value, reading on until all of it is there."""
        self._peek()
        while True:
            found = exact.scan(self._text, self._at)
            # A number may go on in what is not read yet: `0.` is 0 for a parser.
            if found is not None and (self._is_end or not _GOES_ON.fullmatch(self._text, found[1])):
                value, self._at = found
                return value
            if len(self._text) - self._at > _MAX_ENTRY:
                raise self._broken("an entry is broken, too long or too deep")
            if self._is_end or not self._more(double=True):
                raise self._broken("it is broken, or stops in the middle")

    def _more(self, *, double: bool = False) -> bool:
        """Read on; False at the end."""
        size = max(_PIECE, len(self._text) - self._at) if double else _PIECE
        piece = self._file.read(size)
        if not self.read and piece[:2] in _MARKS:
            raise Broken(f"not JSON in UTF-8: it is {_MARKS[piece[:2]]}")
        self.digest.update(piece)
        self.read += len(piece)
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise Broken(
                f"not JSON in UTF-8 (near byte {self.read - len(piece) + error.start})"
            ) from None
        self._before += self._at
        self._text, self._at = self._text[self._at :] + text, 0
        self._is_end = self._is_end or not piece
        if self._progress is not None:
            self._progress(self.read)
        return bool(piece)

    def _broken(self, what: str) -> Broken:
        where = f"at character {self._before + self._at}"
        if not self._text and not self._before:
            return Broken("not JSON: it is empty")
        if self._is_end and self._at >= len(self._text):
            return Broken(f"not JSON: it stops in the middle, {where}")
        return Broken(f"not JSON: {what}, {where}")
