"""Turns of a conversation whose answer is a stream."""

import contextlib
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ledger.calls.admission import Ask
from ledger.calls.reply import Reply
from ledger.conversation import handlers as handling
from ledger.conversation.handlers import Handler

if TYPE_CHECKING:
    from ledger.callers.tags import Tags
    from ledger.calls.streams import AsyncReplyStream, ReplyStream
    from ledger.client.ledger import Ledger

Answered = Callable[[Reply], object]


class StreamedTurns(ABC):
    """What streams in a conversation; the rest of it is said by the class above this one."""

    handlers: list[Handler]

    def stream(
        self,
        message: Any = None,
        *,
        timeout: float | None = None,
        tags: "Tags | None" = None,
        response_model: type[Any] | None = None,
        **params: Any,
    ) -> "ReplyStream":
        """`ask`, and get the answer's text as it comes; see `ledger.stream_response`.

        Once the stream has ended, both are in the chain. One that is left before its end, or fails,
        leaves the chain as it was. Until then no other turn can begin.
        """
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        ask = self._asked(frame, timeout, tags, response_model, params)
        return self._books_of()._stream(ask, lambda: self._streamed(message, ask))  # noqa: SLF001 - of this very room

    def astream(
        self,
        message: Any = None,
        *,
        timeout: float | None = None,
        tags: "Tags | None" = None,
        response_model: type[Any] | None = None,
        **params: Any,
    ) -> "AsyncReplyStream":
        """`stream` for async code; see `ledger.astream_response`."""
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        ask = self._asked(frame, timeout, tags, response_model, params)
        return self._books_of()._astream(ask, lambda: self._astreamed(message, ask))  # noqa: SLF001 - of this very room

    @contextlib.contextmanager
    def _streamed(self, message: Any, ask: Ask) -> Iterator[Answered]:
        with self._turn(message, ask):
            ask.messages = handling.run(self.handlers, self.messages)
            yield lambda reply: self._answered(reply, ask)

    @contextlib.asynccontextmanager
    async def _astreamed(self, message: Any, ask: Ask) -> AsyncIterator[Answered]:
        with self._turn(message, ask):
            ask.messages = await handling.arun(self.handlers, self.messages)
            yield lambda reply: self._answered(reply, ask)

    # --- what the conversation has --------------------------------------------------------

    @property
    @abstractmethod
    def messages(self) -> list[dict[str, Any]]:
        """The chain, as the next call sends it but for what handlers do."""

    @abstractmethod
    def _asked(self, frame: Any, *asked: Any) -> Ask: ...

    @abstractmethod
    def _books_of(self) -> "Ledger": ...

    @abstractmethod
    def _turn(self, message: Any, ask: Ask) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _answered(self, reply: Reply, ask: Ask) -> Reply: ...
