"""The recording transports: two thin drivers of the one recorder, for either family of clients.

Each commits the request row, sends, passes every byte on unchanged, and commits the outcome row
when the body ends, breaks, or is closed early. Annotations name `httpx`: a transport made for the
other family gets and gives that one's classes.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from ledger.books.writer import Writer
from ledger.calls.attempt import ExchangeFor, Steps, attempt, foreign, passing
from ledger.calls.backlog import Backlog, unless_booked
from ledger.calls.families import Family, family
from ledger.calls.recorder import EXCHANGE, Exchange
from ledger.calls.taps import AsyncRecordedStream, RecordedStream
from ledger.errors import LedgerError
from ledger.logs import logger

if TYPE_CHECKING:
    import httpx


def recording(
    inner: "httpx.BaseTransport",
    writer: Writer,
    *,
    family_name: str = "httpx",
    exchange_for: ExchangeFor | None = None,
    backlog: Backlog | None = None,
) -> "httpx.BaseTransport":
    """A transport that records what passes through another one.

    A request of our own carries its exchange; it raises `LedgerUnavailable` where the request
    could not be recorded, so that it was not sent. Any other request gets its exchange from
    `exchange_for`, and is never answered with an error of ours: see `Family.answer`.

    Args:
        inner: sends; of the same family.
        writer: commits.
        family_name: whose clients it is for, `httpx` or `httpx2`.
        exchange_for: makes the exchanges of requests that are not our own.
        backlog: keeps the outcomes of those that could not be booked.

    Raises:
        RequestInvalid: the family is not there.
    """
    made: httpx.BaseTransport = _kinds(family_name)[0](inner, writer, exchange_for, backlog)
    return made


def async_recording(
    inner: "httpx.AsyncBaseTransport",
    writer: Writer,
    *,
    family_name: str = "httpx",
    exchange_for: ExchangeFor | None = None,
    backlog: Backlog | None = None,
) -> "httpx.AsyncBaseTransport":
    """The same for tasks."""
    made: httpx.AsyncBaseTransport = _kinds(family_name)[1](inner, writer, exchange_for, backlog)
    return made


SEEN = "ledger.seen"
"""The request extension that says that somebody above records the request already."""


def is_recording(transport: object) -> bool:
    """Whether a transport is one of these, of any family."""
    return isinstance(transport, _Recording)


@cache
def _kinds(name: str) -> tuple[type[Any], type[Any]]:
    """The transports of a family, sync and async, made on its own base classes."""
    of = family(name)
    sync_kind = of.kind(RecordingTransport, "BaseTransport")
    sync_kind.family, sync_kind.tap = of, of.kind(RecordedStream, "SyncByteStream")
    async_kind = of.kind(AsyncRecordingTransport, "AsyncBaseTransport")
    async_kind.family, async_kind.tap = of, of.kind(AsyncRecordedStream, "AsyncByteStream")
    return sync_kind, async_kind


class _Recording:
    """What both drivers have: whom they send through, and what they do with what comes."""

    family: Family
    tap: Any

    def __init__(
        self,
        inner: Any,
        writer: Writer,
        exchange_for: ExchangeFor | None,
        backlog: Backlog | None,
    ) -> None:
        self._inner = inner
        self._writer = writer
        self._exchange_for = exchange_for
        self._backlog = Backlog() if backlog is None else backlog

    def _steps(self, request: "httpx.Request") -> Steps:
        exchange = request.extensions.get(EXCHANGE)
        if isinstance(exchange, Exchange):
            return attempt(exchange, request)
        if request.extensions.get(SEEN):
            return passing(request)
        assert self._exchange_for is not None, "a request of our own without its exchange"
        return foreign(request, self._exchange_for, self._backlog)

    def _tapped(
        self,
        response: "httpx.Response | LedgerError",
        exchange: Exchange | None,
        request: "httpx.Request",
    ) -> "httpx.Response":
        """The response for the client: its bytes pass through the recorder."""
        if isinstance(response, LedgerError):
            answered: httpx.Response = self.family.answer(response, request)
            return answered
        if exchange is not None:
            response.stream = self.tap(response.stream, exchange, self)
            if exchange.awaits_start:
                self.note_start(exchange)
        return response

    def note_start(self, exchange: Exchange) -> None:
        """Post the row of an answer that has begun: nobody waits for it; a failure is logged."""
        row = exchange.take_start()
        if row is not None:
            self._writer.post(row)

    def unrecorded(self, exchange: Exchange, error: LedgerError) -> None:
        """An outcome that could not be booked is kept, and said."""
        exchange.unrecorded = error
        logger.error(
            "request %s: caller %s, model %s: the outcome could not be booked: %s",
            exchange.request.id,
            exchange.caller,
            exchange.request.model_asked,
            error,
        )
        if not exchange.is_own:  # nobody will raise it there
            assert exchange.ending is not None
            self._backlog.add(exchange.ending)

    def post_outcome(self, exchange: Exchange) -> None:
        """Queue the outcome of an exchange that nobody ends any more, and go on."""
        if exchange.ending is not None:
            self._writer.post(exchange.ending)
            self.over(exchange)

    def over(self, exchange: Exchange) -> None:
        """Tell whoever wants to know that an exchange has ended."""
        if exchange.claim is not None:
            exchange.claim.tell()
        if exchange.after is not None:
            exchange.after(exchange)


class RecordingTransport(_Recording):
    """Records what passes through another transport."""

    def handle_request(self, request: "httpx.Request") -> "httpx.Response":
        """Record and send.

        Raises:
            LedgerUnavailable: a request of our own could not be recorded, so it was not sent.
            TransportError: as the inner transport does; recorded.
        """
        steps = self._steps(request)
        try:
            step = next(steps)
            while True:
                try:
                    result = self._perform(step, request)
                except BaseException as error:  # noqa: BLE001 - the steps decide what it means
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            response, exchange = end.value
            return self._handed(self._tapped(response, exchange, request), exchange)

    def _handed(self, response: "httpx.Response", exchange: Exchange | None) -> "httpx.Response":
        """The response for the client: read ahead where nobody may read it after us."""
        if exchange is not None and (_is_foreign_failure(exchange) or response.is_closed):
            response.stream.read_ahead()  # type: ignore[union-attr] # it is a tap
        return response

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    def _perform(self, step: Any, request: "httpx.Request") -> Any:
        if step is request:
            return self._inner.handle_request(request)
        if isinstance(step, Exchange):
            return self.write_outcome(step)
        return self._writer.write(*(step if isinstance(step, tuple) else (step,)))

    def write_outcome(self, exchange: Exchange) -> None:
        """Commit the outcome of an exchange that ended."""
        if exchange.ending is None:
            return
        try:
            self._writer.write(exchange.ending)
        except LedgerError as error:
            self.unrecorded(exchange, error)
        except BaseException:  # Ctrl-C in the middle of it: nobody knows whether it is booked
            self._writer.post(unless_booked(exchange.ending))
            raise
        self.over(exchange)


class AsyncRecordingTransport(_Recording):
    """Records what passes through another async transport."""

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Record and send.

        Raises:
            LedgerUnavailable: a request of our own could not be recorded, so it was not sent.
            TransportError: as the inner transport does; recorded.
        """
        steps = self._steps(request)
        try:
            step = next(steps)
            while True:
                try:
                    result = await self._perform(step, request)
                except BaseException as error:  # noqa: BLE001 - the steps decide what it means
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            response, exchange = end.value
            return await self._handed(self._tapped(response, exchange, request), exchange)

    async def _handed(
        self, response: "httpx.Response", exchange: Exchange | None
    ) -> "httpx.Response":
        """The response for the client: read ahead where nobody may read it after us."""
        if exchange is not None and (_is_foreign_failure(exchange) or response.is_closed):
            await response.stream.read_ahead()  # type: ignore[union-attr] # it is a tap
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    async def _perform(self, step: Any, request: "httpx.Request") -> Any:
        if step is request:
            return await self._inner.handle_async_request(request)
        if isinstance(step, Exchange):
            return await self.write_outcome(step)
        return await self._writer.awrite(*(step if isinstance(step, tuple) else (step,)))

    async def write_outcome(self, exchange: Exchange) -> None:
        """Commit the outcome of an exchange that ended."""
        if exchange.ending is None:
            return
        if exchange.is_cancelled:
            self._writer.post(exchange.ending)  # whoever cancels must not wait for a disk
        else:
            try:
                await self._writer.awrite(exchange.ending)
            except LedgerError as error:
                self.unrecorded(exchange, error)
        self.over(exchange)


def _is_foreign_failure(exchange: Exchange) -> bool:
    """Whether another library gets an error answer."""
    return not exchange.is_own and not exchange.is_good
