"""Streams: the text of an answer as it comes, and the reply with its record at the end.

The pieces come from a generator, so that a stream which is dropped ends as one that is closed:
the generator's end closes the connection and books the outcome. Hence nothing in it may point
back to the stream that holds it.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from ledger.books.writer import Writer
from ledger.calls import concluding
from ledger.calls.admission import Ask
from ledger.calls.driving import arun, run
from ledger.calls.flow import Calls
from ledger.calls.recorder import Exchange
from ledger.calls.reply import Reply
from ledger.errors import LedgerError

Around = Callable[[], AbstractContextManager[Callable[[Reply], object]]]
"""Makes what a stream is part of, such as a turn of a conversation: entered before the call is
made, left when the stream ends in any way; what it gives is told the reply."""

AsyncAround = Callable[[], AbstractAsyncContextManager[Callable[[Reply], object]]]


@dataclass(slots=True)
class _Known:
    """What is known of a stream so far."""

    exchange: Exchange | None = None
    reply: Reply | None = None


class _Stream:
    """What both kinds of streams tell.

    Attributes:
        request_id: the id of the request in the books; None before it was made.
        generation_id: the provider's id of the work, as soon as it is known.
        reply: the whole answer with the record attached, once the stream has ended.
    """

    def __init__(self) -> None:
        self._known = _Known()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.request_id}>"

    @property
    def request_id(self) -> str | None:
        """The id of the request in the books; None before it was made."""
        return self._known.exchange.request.id if self._known.exchange else None

    @property
    def generation_id(self) -> str | None:
        """The provider's id of the work, as soon as it is known."""
        return self._known.exchange.generation_id if self._known.exchange else None

    @property
    def reply(self) -> Reply:
        """The whole answer with the record attached, as `get_response` returns it.

        Raises:
            LedgerError: the stream has not ended yet, or it failed: then it has none.
        """
        if self._known.reply is None:
            raise LedgerError(
                "The stream has no reply.",
                hint="It has one once it was read to its end, and did not fail.",
                request_id=self.request_id,
                generation_id=self.generation_id,
            )
        return self._known.reply


class ReplyStream(_Stream):
    """An iterator of an answer's text, piece by piece as it comes.

    It ends by itself, or by `close`, at the end of a `with` block, or when it is dropped. One that
    is left before its end has its connection closed, which ends the work at providers that can
    end it, and its outcome is `cancelled`. What raises in the middle carries the text so far as
    `partial_text`.
    """

    def __init__(
        self,
        calls: Calls,
        ask: Ask,
        writer: Writer,
        transport: httpx.BaseTransport,
        around: Around | None = None,
    ) -> None:
        super().__init__()
        self._pieces = _pieces(calls, ask, writer, transport, self._known, around or _alone)
        next(self._pieces)  # sends the request, and waits for the answer to begin

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave it: close the connection, and book how it ended. Once it has ended, nothing."""
        self._pieces.close()


def _pieces(  # noqa: PLR0913, PLR0917 - what a call needs, and whom to tell
    calls: Calls,
    ask: Ask,
    writer: Writer,
    transport: httpx.BaseTransport,
    known: _Known,
    around: Around,
) -> Generator[str, None, Reply]:
    """First nothing, once the answer begins; then its text; the reply is returned."""
    with around() as answered:
        made = run(calls.make(ask), writer, transport)
        known.exchange = exchange = made.exchange
        try:
            response = transport.handle_request(made.request)
            assert isinstance(response.stream, httpx.SyncByteStream)
            with contextlib.closing(response.stream) as stream:
                if exchange.is_stream:
                    yield ""
                for _ in stream:
                    while exchange.texts:
                        yield exchange.texts.popleft()
        except Exception as error:  # noqa: BLE001 - raised again, as what it means to the caller
            if not exchange.is_answered:  # what breaks when all has been said breaks nothing
                concluding.broke(made, error)
        finally:
            calls.over(made)
        while exchange.texts:
            yield exchange.texts.popleft()
        known.reply = reply = run(concluding.conclude(made), writer, transport)
        answered(reply)
    if not exchange.is_stream:  # asked for a stream, and answered in one piece
        yield ""
        yield str(reply)
    return reply


@contextlib.contextmanager
def _alone() -> Iterator[Callable[[Reply], object]]:
    """A stream that is part of nothing."""
    yield lambda _reply: None


class AsyncReplyStream(_Stream):
    """`ReplyStream` for tasks. The request is sent by the first step, or by `async with`."""

    def __init__(
        self,
        calls: Calls,
        ask: Ask | LedgerError,
        writer: Writer,
        transport: httpx.AsyncBaseTransport,
        around: AsyncAround | None = None,
    ) -> None:
        super().__init__()
        self._pieces = _apieces(calls, ask, writer, transport, self._known, around or _aalone)
        self._has_begun = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        await self._begin()
        return await anext(self._pieces)

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave it: close the connection, and book how it ended. Once it has ended, nothing."""
        await self._pieces.aclose()

    async def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            await anext(self._pieces)


async def _apieces(  # noqa: PLR0913, PLR0917 - as above
    calls: Calls,
    ask: Ask | LedgerError,
    writer: Writer,
    transport: httpx.AsyncBaseTransport,
    known: _Known,
    around: AsyncAround,
) -> AsyncGenerator[str, None]:
    """First nothing, once the answer begins; then its text."""
    if isinstance(ask, LedgerError):
        raise ask
    async with around() as answered:
        made = await arun(calls.make(ask), writer, transport)
        known.exchange = exchange = made.exchange
        try:
            response = await transport.handle_async_request(made.request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async with contextlib.aclosing(response.stream) as stream:
                if exchange.is_stream:
                    yield ""
                async for _ in stream:
                    while exchange.texts:
                        yield exchange.texts.popleft()
        except Exception as error:  # noqa: BLE001 - raised again, as what it means to the caller
            if not exchange.is_answered:
                concluding.broke(made, error)
        finally:
            calls.over(made)
        while exchange.texts:
            yield exchange.texts.popleft()
        known.reply = reply = await arun(concluding.conclude(made), writer, transport)
        answered(reply)
    if not exchange.is_stream:
        yield ""
        yield str(reply)


@contextlib.asynccontextmanager
async def _aalone() -> AsyncIterator[Callable[[Reply], object]]:
    """The same for tasks."""
    yield lambda _reply: None
