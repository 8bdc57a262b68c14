"""The body of a recorded answer as it passes, in either family's classes.

Whoever reads gets every byte as it came; the recorder gets a copy, and hears of the end.
"""

import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ledger.calls.recorder import Exchange

_MAX_AHEAD = 1024 * 1024


class _Tap:
    """What both kinds have: the stream below, and whom to tell what.

    Args:
        inner: the stream below.
        exchange: is fed.
        transport: writes what the exchange says.
    """

    def __init__(self, inner: Any, exchange: Exchange, transport: Any) -> None:
        self._inner = inner
        self._exchange = exchange
        self._transport = transport
        self._ahead: list[bytes] | None = None
        self._broke: Exception | None = None
        self._rest: Any = None

    def __del__(self) -> None:
        # Who drops an answer, read or not, closes nothing.
        if sys.is_finalizing():
            return
        if not self._exchange.is_over and self._exchange.end(GeneratorExit()):
            self._transport.post_outcome(self._exchange)

    @property
    def elapsed(self) -> Any:
        """How long it took, where the stream below knows: a client of `httpx2` asks here."""
        return getattr(self._inner, "elapsed", None)

    def _feed(self, chunk: bytes) -> None:
        self._exchange.feed(chunk)
        if self._exchange.awaits_start:
            self._transport.note_start(self._exchange)

    def _again(self) -> Iterator[bytes]:
        """What was read ahead, and how it broke off if it did."""
        yield from self._ahead or ()
        if self._broke is not None:
            raise self._broke


class RecordedStream(_Tap):
    """The body as it passes. However it ends, there is one outcome."""

    def __iter__(self) -> Iterator[bytes]:
        if self._ahead is None:
            return self._pass()
        return itertools.chain(self._again(), self._rest or ())

    def read_ahead(self) -> None:
        """Read all of it now, but for what is too much.

        Many SDKs neither read nor close the body of an error, and what was made with its content,
        as by a cache or a mock, is never read again.
        """
        self._ahead, size = [], 0
        passing = self._pass()
        try:
            for chunk in passing:
                self._ahead.append(chunk)
                size += len(chunk)
                if size > _MAX_AHEAD:  # an error may go on for ever
                    self._rest = passing
                    return
        except Exception as error:  # noqa: BLE001 - it is raised where the body is read
            self._broke = error

    def close(self) -> None:
        """Close the connection, or give it back."""
        try:
            self._inner.close()
        finally:
            self._end(GeneratorExit())

    def _pass(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self._feed(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if not self._exchange.end(error):
            return
        if isinstance(error, GeneratorExit) and self._exchange.is_cancelled:
            self._transport.post_outcome(self._exchange)  # it may be the garbage collector's work
        else:
            self._transport.write_outcome(self._exchange)


class AsyncRecordedStream(_Tap):
    """The body as it passes. However it ends, there is one outcome."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pass() if self._ahead is None else self._replayed()

    async def read_ahead(self) -> None:
        """The same for tasks."""
        self._ahead, size = [], 0
        passing = self._pass()
        try:
            async for chunk in passing:
                self._ahead.append(chunk)
                size += len(chunk)
                if size > _MAX_AHEAD:
                    self._rest = passing
                    return
        except Exception as error:  # noqa: BLE001 - it is raised where the body is read
            self._broke = error

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        try:
            await self._inner.aclose()
        finally:
            await self._end(GeneratorExit())

    async def _replayed(self) -> AsyncIterator[bytes]:
        """What was read ahead, and then the rest."""
        for chunk in self._again():
            yield chunk
        if self._rest is not None:
            async for chunk in self._rest:
                yield chunk

    async def _pass(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                self._feed(chunk)
                yield chunk
        except BaseException as error:
            await self._end(error)
            raise
        await self._end(None)

    async def _end(self, error: BaseException | None) -> None:
        if self._exchange.end(error):
            await self._transport.write_outcome(self._exchange)
