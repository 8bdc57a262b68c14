"""The recording transports: two thin drivers of the one recorder.

Each commits the request row, sends, passes every byte on unchanged, and commits the outcome row
when the body ends, breaks, or is closed early.
"""

import enum
from collections.abc import AsyncIterator, Generator, Iterator

import httpx
from sqlmodel import col, select

from ledger.books.models import Outcome
from ledger.books.unit import Step, Transaction
from ledger.books.writer import Writer
from ledger.calls.recorder import Exchange, of_request
from ledger.errors import LedgerError
from ledger.logs import logger


class Stage(enum.Enum):
    """What a driver is to do next."""

    RECORD_REQUEST = enum.auto()
    SEND = enum.auto()
    RECORD_OUTCOME = enum.auto()


Steps = Generator[Stage, httpx.Response | None, httpx.Response]


def record(exchange: Exchange, request: httpx.Request) -> Steps:
    """The steps of one attempt up to the response's head; a driver performs them.

    Whatever a step raises is thrown in here, so that cancellation too gets its outcome.
    """
    try:
        yield Stage.RECORD_REQUEST
    except LedgerError:  # no record, no call
        raise
    except BaseException as error:  # cancelled meanwhile: the row may be in the books all the same
        exchange.break_off(error, wrote=False)
        yield Stage.RECORD_OUTCOME
        raise
    exchange.begin()
    try:
        response = yield Stage.SEND
    except BaseException as error:
        exchange.break_off(error, wrote=bool(request.extensions.get("ledger.wrote")))
        yield Stage.RECORD_OUTCOME
        raise
    assert response is not None
    exchange.head(response.status_code, response.headers)
    return response


def _unrecorded(exchange: Exchange, error: LedgerError) -> None:
    """An outcome that could not be booked is kept on the exchange, and said."""
    exchange.unrecorded = error
    logger.error(
        "request %s: caller %s, model %s: the outcome could not be booked: %s",
        exchange.request.id,
        exchange.caller,
        exchange.request.model_asked,
        error,
    )


class RecordingTransport(httpx.BaseTransport):
    """Records what passes through another transport."""

    def __init__(self, inner: httpx.BaseTransport, writer: Writer) -> None:
        self._inner = inner
        self._writer = writer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Record and send.

        Raises:
            LedgerUnavailable: the request could not be recorded, so it was not sent.
            httpx.TransportError: as the inner transport does; recorded.
        """
        exchange = of_request(request)
        steps = record(exchange, request)
        step = next(steps)
        while True:
            try:
                result = self._perform(step, exchange, request)
            except BaseException as error:  # noqa: BLE001 - the flow decides what it means
                step = steps.throw(error)
                continue
            try:
                step = steps.send(result)
            except StopIteration as end:
                return self._tapped(end.value, exchange)

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    def _perform(
        self, step: Stage, exchange: Exchange, request: httpx.Request
    ) -> httpx.Response | None:
        if step is Stage.SEND:
            return self._inner.handle_request(request)
        if step is Stage.RECORD_REQUEST:
            self._writer.write(exchange.request)
        else:
            _write_outcome(exchange, self._writer)
        return None

    def _tapped(self, response: httpx.Response, exchange: Exchange) -> httpx.Response:
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _RecordedStream(response.stream, exchange, self._writer)
        return response


def _write_outcome(exchange: Exchange, writer: Writer) -> None:
    assert exchange.outcome is not None
    try:
        writer.write(exchange.outcome)
    except LedgerError as error:
        _unrecorded(exchange, error)
    except BaseException:  # Ctrl-C in the middle of it: nobody knows whether it is booked
        writer.post(_unless_booked(exchange.outcome))
        raise


def _unless_booked(outcome: Outcome) -> Step:
    """A step: book an outcome, unless it is there."""

    def step(transaction: Transaction) -> None:
        found = select(Outcome.id).where(col(Outcome.id) == outcome.id)
        if transaction.connection.execute(found).first() is None:
            transaction.insert(outcome)

    return step


class _RecordedStream(httpx.SyncByteStream):
    """The body as it passes. However it ends, there is one outcome."""

    def __init__(self, inner: httpx.SyncByteStream, exchange: Exchange, writer: Writer) -> None:
        self._inner = inner
        self._exchange = exchange
        self._writer = writer

    def __iter__(self) -> Iterator[bytes]:
        exchange = self._exchange
        try:
            for chunk in self._inner:
                exchange.feed(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if self._exchange.end(error):
            _write_outcome(self._exchange, self._writer)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._end(GeneratorExit())


class AsyncRecordingTransport(httpx.AsyncBaseTransport):
    """Records what passes through another async transport."""

    def __init__(self, inner: httpx.AsyncBaseTransport, writer: Writer) -> None:
        self._inner = inner
        self._writer = writer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Record and send.

        Raises:
            LedgerUnavailable: the request could not be recorded, so it was not sent.
            httpx.TransportError: as the inner transport does; recorded.
        """
        exchange = of_request(request)
        steps = record(exchange, request)
        step = next(steps)
        while True:
            try:
                result = await self._perform(step, exchange, request)
            except BaseException as error:  # noqa: BLE001 - the flow decides what it means
                step = steps.throw(error)
                continue
            try:
                step = steps.send(result)
            except StopIteration as end:
                return self._tapped(end.value, exchange)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    async def _perform(
        self, step: Stage, exchange: Exchange, request: httpx.Request
    ) -> httpx.Response | None:
        if step is Stage.SEND:
            return await self._inner.handle_async_request(request)
        if step is Stage.RECORD_REQUEST:
            await self._writer.awrite(exchange.request)
        else:
            await _awrite_outcome(exchange, self._writer)
        return None

    def _tapped(self, response: httpx.Response, exchange: Exchange) -> httpx.Response:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _AsyncRecordedStream(response.stream, exchange, self._writer)
        return response


async def _awrite_outcome(exchange: Exchange, writer: Writer) -> None:
    assert exchange.outcome is not None
    if exchange.outcome.status == "cancelled":  # whoever cancels must not wait for a disk
        writer.post(exchange.outcome)
        return
    try:
        await writer.awrite(exchange.outcome)
    except LedgerError as error:
        _unrecorded(exchange, error)


class _AsyncRecordedStream(httpx.AsyncByteStream):
    """The body as it passes. However it ends, there is one outcome."""

    def __init__(self, inner: httpx.AsyncByteStream, exchange: Exchange, writer: Writer) -> None:
        self._inner = inner
        self._exchange = exchange
        self._writer = writer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        exchange = self._exchange
        try:
            async for chunk in self._inner:
                exchange.feed(chunk)
                yield chunk
        except BaseException as error:
            await self._end(error)
            raise
        await self._end(None)

    async def _end(self, error: BaseException | None) -> None:
        if self._exchange.end(error):
            await _awrite_outcome(self._exchange, self._writer)

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            await self._end(GeneratorExit())
