"""Streams whose events have types: of `/responses`, `/messages` and `/images`.

An event's type is its `type` member, else the event's own name. Of the text only what an event
repeats whole is kept: the figures are what the books want of these streams.

    stream      id, model, provider             usage, cost                      last event
    responses   `response` of any event         `response.usage`, the last       completed, failed,
                                                                                 incomplete
    messages    `message` of message_start      of message_delta, over that of   message_stop
                                                message_start
    images      -                               of the completed event           completed, error

Any event may carry an `error`, or be one; the first one counts. Source: OpenRouter's OpenAPI
description and recorded streams.
"""

from contextlib import suppress
from typing import Any

from ledger.openrouter import bodies, exact
from ledger.openrouter.answers import Answer
from ledger.openrouter.billable import Service
from ledger.openrouter.folding import MAX_STREAM, Folder
from ledger.openrouter.members import NotAnObject, members
from ledger.openrouter.shapes import text_or_none

Raw = dict[str, Any]

_LAST = frozenset({"completed", "failed", "incomplete", "error", "message_stop"})
_ARE_ERRORS = frozenset({"error", "response.error"})


class TypedFolder(Folder):
    """Folds events that each say of what type they are; as such, of any service's stream.

    Args:
        service: whose answer it is.
        limit: the most bytes whose content is kept.
    """

    def __init__(self, service: Service, limit: int = MAX_STREAM) -> None:
        super().__init__(limit)
        self._service = service
        self._raw: Raw = {}
        self._usage_text: str | None = None

    def answer(self) -> Answer:
        """The answer as far as it came."""
        return bodies.answer_of(self._service, self._raw, self._usage_text)

    def _take(self, name: str, chunk: Raw, text: str) -> str:
        kind = chunk.get("type")
        kind = kind if isinstance(kind, str) else name
        error = chunk.get("error") or (chunk if kind in _ARE_ERRORS else None)
        if error:
            self._raw.setdefault("error", error)
        added = self._take_typed(kind, chunk, text)
        self.is_complete = self.is_complete or kind.rpartition(".")[2] in _LAST
        if self.generation_id is None and self._service.has_id:
            self.generation_id = text_or_none(self._raw.get("id")) or None
        return added

    def _take_typed(self, kind: str, chunk: Raw, text: str) -> str:
        """Fold one event of that type; of those that nobody knows, its usage counts."""
        del kind
        self._use(chunk.get("usage"), text)
        return ""

    def _use(self, usage: object, text: str) -> None:
        """Take the usage of an event: what it leaves out stays as it was known."""
        if usage is None:
            return
        known = self._raw.get("usage")
        if isinstance(known, dict) and isinstance(usage, dict):
            usage = known | {name: value for name, value in usage.items() if value is not None}
        self._raw["usage"] = usage
        self._usage_text = exact.usage_text(text)

    def _replace(self, raw: object, text: str) -> None:
        """Take a new state of the whole answer; an error that was said before stays.

        Args:
            raw: the state.
            text: the same, verbatim.
        """
        if not isinstance(raw, dict):
            return
        error = self._raw.get("error")
        self._raw = {**raw, "error": error} if error else dict(raw)
        if self.is_cut:
            self._drop_content()
        if raw.get("usage") is not None:
            self._usage_text = exact.usage_text(text)

    def _drop_content(self) -> None:
        for name in ("output", "content"):
            self._raw.pop(name, None)


class ResponsesFolder(TypedFolder):
    """Folds a stream of `/responses`: most events repeat the whole response as it is then."""

    def _take_typed(self, kind: str, chunk: Raw, text: str) -> str:
        self._replace(chunk.get("response"), _member(text, "response"))
        return _text(chunk.get("delta")) if kind == "response.output_text.delta" else ""


class MessagesFolder(TypedFolder):
    """Folds a stream of `/messages`: the message as it begins, then what changes of it."""

    def _take_typed(self, kind: str, chunk: Raw, text: str) -> str:
        delta = chunk.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        if kind == "message_start":
            self._replace(chunk.get("message"), _member(text, "message"))
        elif kind == "message_delta":
            self._raw |= {name: value for name, value in delta.items() if value is not None}
            self.is_answered = self.is_answered or bool(delta.get("stop_reason"))
            self._use(chunk.get("usage"), text)
        return _text(delta.get("text")) if kind == "content_block_delta" else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _member(text: str, name: str) -> str:
    """The verbatim text of one member of an object; that of an empty one where it has none."""
    found = "{}"
    with suppress(NotAnObject):
        for member in members(text):
            if member.name == name:
                found = text[member.value_start : member.end]
    return found
