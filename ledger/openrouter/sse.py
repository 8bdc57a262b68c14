"""Server-sent events, read as their bytes come: chunks may be cut anywhere.

Source: the event stream format of the HTML standard, section 9.2. What the format doesn't know
is skipped, as it demands; nothing is ever raised.
"""

from collections.abc import Iterator
from typing import NamedTuple

MAX_EVENT = 64 * 1024 * 1024
"""The most bytes of one line, or of one event, that are kept; a longer one is skipped."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its name, `''` where it has none, and its data."""

    name: str
    data: bytes


class Decoder:
    """Turns bytes into events.

    Lines are kept as bytes until they are whole, so no character is ever cut in two.

    Attributes:
        skipped: how many lines or events were too long to be kept.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self.skipped = 0
        self._limit = limit
        self._rest = bytearray()
        self._is_first = True
        self._after_return = False
        self._skipping = False
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._after_return or b"\r" in chunk:
            chunk = self._unified(chunk)
        *lines, rest = chunk.split(b"\n")
        if lines and self._rest:
            self._rest += lines[0]
            lines[0] = bytes(self._rest)
            self._rest.clear()
        events = list(self._events(lines)) if lines else []
        self._rest += rest
        if len(self._rest) > self._limit:
            self._rest.clear()
            self._skipping = True
        return events

    def end(self) -> list[Event]:
        """What the last line, or the lack of an empty one after it, left undecided."""
        last = bytes(self._rest)
        self._rest.clear()
        return list(self._events([last, b""]))

    def _unified(self, chunk: bytes) -> bytes:
        """The chunk with every line end as one LF; a CR may have ended the chunk before."""
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        self._after_return = self._after_return or chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _events(self, lines: list[bytes]) -> Iterator[Event]:
        """The events of whole lines."""
        if self._is_first:
            self._is_first = False
            lines[0] = lines[0].removeprefix(_BOM)
        if self._skipping:
            self._skipping = False
            self.skipped += 1
            del lines[0]
        for line in lines:
            if not line:
                if self._data:
                    yield Event(self._name, b"\n".join(self._data))
                self._forget()
            elif line.startswith(b"data:"):
                self._keep(line[6:] if line[5:6] == b" " else line[5:])
            elif line.startswith(b"event:"):
                self._name = line[6:].strip().decode("utf-8", "replace")[:64]

    def _keep(self, data: bytes) -> None:
        """One line of an event's data."""
        fits = self._size <= self._limit
        self._size += len(data)
        if self._size <= self._limit:
            self._data.append(data)
        elif fits:
            self.skipped += 1
            self._data.clear()

    def _forget(self) -> None:
        """The next event begins."""
        self._name, self._size = "", 0
        self._data = []
