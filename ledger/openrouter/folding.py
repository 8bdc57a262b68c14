"""A stream's events folded into the answer that they are pieces of.

Source: streams of `POST /chat/completions` as recorded and specified. The usage comes in one chunk
whose `choices` may be empty, hold one empty delta that repeats the finish reason, or be missing; an
error may come after it, before it, or with it; the end mark may be missing.
"""

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

from ledger.openrouter import exact
from ledger.openrouter.alike import Frame
from ledger.openrouter.answers import Answer, answer_of
from ledger.openrouter.choices import FoldedChoice
from ledger.openrouter.shapes import text_or_none
from ledger.openrouter.sse import Event

DONE = b"[DONE]"
MAX_STREAM = 64 * 1024 * 1024
"""The most bytes of one stream whose content is kept; of a longer one only the figures are."""

_HEAD = frozenset({"id", "choices", "usage", "error"})
_MANY_CHOICES = 1024


class Folder(ABC):
    """What the folders of all kinds of streams share: reading events as JSON, with a bound.

    Attributes:
        generation_id: the provider's id of the work, as soon as an event has it.
        is_complete: whether the stream has said all: a connection that ends now cuts nothing off.
        is_answered: whether the answer has ended, though its usage may still come.
        is_cut: whether the content was too much to be kept.
        unreadable: how many events were no JSON object; they are skipped.
    """

    def __init__(self, limit: int = MAX_STREAM) -> None:
        self.generation_id: str | None = None
        self.is_complete = False
        self.is_answered = False
        self.is_cut = False
        self.unreadable = 0
        self._left = limit

    def event(self, event: Event) -> str:
        """Take one event. Returns the text that it adds to the answer, mostly `''`."""
        if event.data.strip() == DONE:
            self.is_complete = True
            return ""
        text, chunk = "", None
        with suppress(exact.NotJson):
            text = exact.decode(event.data)
            chunk = exact.loads(text)
        if not isinstance(chunk, dict):
            self.unreadable += 1
            return ""
        self._left -= len(event.data)
        if self._left < 0 and not self.is_cut:
            self.is_cut = True
            self._drop_content()
        return self._take(event.name, chunk, text)

    @abstractmethod
    def answer(self) -> Answer:
        """The answer as far as it came."""

    @abstractmethod
    def _take(self, name: str, chunk: dict[str, Any], text: str) -> str:
        """Fold one event's object, whose verbatim text is given too."""

    @abstractmethod
    def _drop_content(self) -> None:
        """Forget the content that was kept; from now on only figures count."""


class ChatFolder(Folder):
    """Folds the chunks of a chat completion, or of a legacy completion."""

    def __init__(self, limit: int = MAX_STREAM) -> None:
        super().__init__(limit)
        self._raw: dict[str, Any] = {}
        self._usage_text: str | None = None
        self._choices: dict[int, FoldedChoice] = {}
        self._frame: Frame | None = None
        self._data = b""

    def event(self, event: Event) -> str:
        """Take one event; of one that is like the last but for its text, only that is read."""
        data = event.data
        text = None if self._frame is None else self._frame.text(data)
        if text is None or self.is_cut or self._left < len(data):
            self._frame, self._data = None, data
            return super().event(event)
        self._left -= len(data)
        if text:
            self._choices[0].say(text)
            self.is_complete = False
        return text

    def answer(self) -> Answer:
        """The completion as it would have come in one piece."""
        raw = dict(self._raw)
        if self.generation_id is not None:
            raw = {"id": self.generation_id, **raw}
        if self._choices:
            raw["choices"] = [self._choices[index].whole() for index in sorted(self._choices)]
        return answer_of(raw, self._usage_text)

    def _take(self, name: str, chunk: dict[str, Any], text: str) -> str:
        del name  # chunks of completions have none
        self._frame = Frame.of(self._data, chunk)
        self._take_head(chunk)
        added = self._take_choices(chunk.get("choices"))
        if chunk.get("usage") is not None:
            self._raw["usage"] = chunk["usage"]
            self._usage_text = exact.usage_text(text)
            self.is_complete = True
        elif added:  # so that usage was not the last word
            self.is_complete = False
        return added

    def _take_head(self, chunk: dict[str, Any]) -> None:
        """The members beside the choices: the first id and the first error stay, else the last."""
        if self.generation_id is None:
            self.generation_id = text_or_none(chunk.get("id")) or None
        if chunk.get("error"):
            self._raw.setdefault("error", chunk["error"])
        for name, value in chunk.items():
            if name not in _HEAD and value is not None:
                self._raw[name] = value

    def _take_choices(self, choices: object) -> str:
        """Add a chunk's choices to the answer's. Returns the first choice's new text."""
        added = ""
        for piece in choices if isinstance(choices, list) else ():
            if isinstance(piece, dict):
                index = piece.get("index")
                index = index if type(index) is int and 0 <= index < _MANY_CHOICES else 0
                choice = self._choices.setdefault(index, FoldedChoice(index))
                text = choice.add(piece, keep=not self.is_cut)
                self.is_answered = self.is_answered or bool(piece.get("finish_reason"))
                added += text if index == 0 else ""
        return added

    def _drop_content(self) -> None:
        for choice in self._choices.values():
            choice.drop_content()
