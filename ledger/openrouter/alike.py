"""Chunks of a stream that differ in nothing but their text: all but the first need no parsing.

Most chunks of a completion are like the one before, down to the last byte around the text. Between
those same bytes only the text can be new, so it alone is read.
"""

from contextlib import suppress
from typing import Any, NamedTuple, Self

from ledger.openrouter import exact

_CONTENT = b'"content":"'
_PLAIN_DELTA = frozenset({"role", "content"})


class Frame(NamedTuple):
    """The bytes around the text of a chunk."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, data: bytes, chunk: dict[str, Any]) -> Self | None:
        """The frame of a chunk that adds text to the first choice, and nothing else; or None.

        Args:
            data: the chunk's bytes.
            chunk: the same, parsed.
        """
        choices = chunk.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or not _is_plain(choices[0]):
            return None
        if chunk.get("usage") is not None or chunk.get("error") or not _is_flat(chunk, "choices"):
            return None
        before, found, rest = data.partition(_CONTENT)
        if not found or _CONTENT in rest:
            return None
        text = rest[: _end_of(rest)]
        frame = cls(before + found, rest[len(text) :])
        return frame if frame.text(data) == choices[0]["delta"]["content"] else None

    def text(self, data: bytes) -> str | None:
        """The text of another chunk in the same frame; None for any other chunk."""
        before, after = self
        if not data.startswith(before) or not data.endswith(after):
            return None
        text = data[len(before) : -len(after)]
        if len(data) < len(before) + len(after):
            return None
        with suppress(UnicodeDecodeError, exact.NotJson):
            if b'"' not in text and b"\\" not in text:
                return text.decode()
            parsed = exact.loads(b'"' + text + b'"')
            return parsed if isinstance(parsed, str) else None
        return None


def _is_plain(choice: object) -> bool:
    """Whether a choice has a text for the answer, and nothing that adds up or ends."""
    if not isinstance(choice, dict) or choice.get("index") != 0 or choice.get("finish_reason"):
        return False
    delta = choice.get("delta")
    if not isinstance(delta, dict) or not isinstance(delta.get("content"), str):
        return False
    if not _is_flat(choice, "delta"):
        return False
    return all(name in _PLAIN_DELTA or value is None for name, value in delta.items())


def _is_flat(value: dict[str, Any], name: str) -> bool:
    """Whether nothing beside one member could hold another `content`."""
    members = ((key, member) for key, member in value.items() if key != name)
    return all(key != "content" and not isinstance(each, dict | list) for key, each in members)


def _end_of(text: bytes) -> int:
    """Where a string that has begun ends."""
    at = text.find(b'"')
    while at > 0 and text[at - 1 : at] == b"\\":
        at = text.find(b'"', at + 1)
    return at
