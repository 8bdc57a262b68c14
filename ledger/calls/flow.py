"""One call from asked to answered, as a generator with two thin drivers.

It yields work for the books, or a request to send; a driver performs it and sends back the
result, or throws in what was raised.
"""

from collections.abc import Callable, Generator
from typing import Any

import httpx

from ledger import clock
from ledger.books.books import Books
from ledger.books.ids import new_id
from ledger.books.models import Request
from ledger.books.unit import Work
from ledger.books.writer import Writer
from ledger.calls import contents, headers, payload
from ledger.calls.admission import Admitted, Ask, Desk
from ledger.calls.backlog import Backlog
from ledger.calls.parsing import parse
from ledger.calls.recorder import EXCHANGE, Exchange
from ledger.calls.refused import refusal_row
from ledger.calls.reply import Reply
from ledger.calls.route import DEADLINE
from ledger.calls.tagging import tag_rows
from ledger.errors import (
    CallRefused,
    FreeModelGone,
    LedgerError,
    LedgerUnavailable,
    OutcomeNotRecorded,
)
from ledger.logs import logger
from ledger.openrouter import endpoints, exact, hints, reading
from ledger.settings import DEFAULT_DEADLINE_S

SOURCE = "get_response"
_MS_PER_S = 1000

Flow = Generator[Work | httpx.Request, Any, Reply]


class Calls:
    """Makes flows for one ledger.

    Args:
        books: where calls are recorded.
        desk: admits them.
        backlog: what earlier calls owe to the books; it goes first.
        after: told of every exchange that ended, and with None of every refusal.
    """

    def __init__(
        self,
        books: Books,
        desk: Desk,
        backlog: Backlog,
        after: Callable[[Exchange | None], None],
    ) -> None:
        self._books = books
        self._desk = desk
        self._backlog = backlog
        self._after = after

    def call(self, ask: Ask) -> Flow:
        """One call.

        Raises:
            CallRefused: it was not sent; recorded as a refusal.
            LedgerUnavailable: it could not be recorded, so it was not sent.
            ProviderError, ConnectionFailed: how it failed; recorded.
            OutcomeNotRecorded: it was answered, but the outcome could not be recorded.
        """
        try:
            yield from self._backlog.pay()
            admitted = yield from self._desk.admit(ask)
            exchange, request = self._prepare(ask, admitted)
        except CallRefused as refused:
            yield from self._refuse(ask, refused)
            raise
        except LedgerUnavailable as error:
            _say_not_made(ask, error)
            raise
        if admitted.rules.log_requests:
            _say("request", exchange)
        try:
            yield request
        except Exception as error:
            if exchange.failure is not None:
                raise _noted(exchange, admitted) from error
            if isinstance(error, LedgerUnavailable):
                _say_not_made(ask, error)
            raise
        finally:
            if exchange.outcome is not None:
                self._after(exchange)
        if admitted.rules.log_responses:
            _say("response", exchange)
        if ask.options.stores("answers", admitted.rules):
            yield from _keep_answer(exchange, ask)
        return parse(_conclude(exchange, admitted), ask.options.response_model)

    def _prepare(self, ask: Ask, admitted: Admitted) -> tuple[Exchange, httpx.Request]:
        """The exchange with its request row, and the request itself."""
        applied = payload.from_config(admitted.model, ask.params, admitted.config)
        deadline_s = DEFAULT_DEADLINE_S if ask.timeout_s is None else ask.timeout_s
        row = self._row(admitted, deadline_s, applied)
        found_by = payload.found_by(row.id, ask.params) if admitted.rules.find_by_id else {}
        body = payload.encode(admitted.model, ask.messages, ask.params | applied | found_by)
        ends_at = clock.monotonic() + deadline_s
        exchange = Exchange(row, admitted.caller.name, ends_at)
        exchange.sent = body
        exchange.work = (row, *tag_rows(row.id, ask.tags))
        if ask.options.stores("messages", admitted.rules):
            exchange.work += contents.message_rows(row.id, ask.messages, ask.options.turn)
        silence = min(admitted.rules.timeout_seconds, deadline_s)
        url = endpoints.url(admitted.base_url, endpoints.CHAT_COMPLETIONS)
        request = headers.post(url, admitted.key, body, silence)
        request.extensions[DEADLINE] = ends_at
        request.extensions[EXCHANGE] = exchange
        return exchange, request

    def _row(self, admitted: Admitted, deadline_s: float, applied: dict[str, Any]) -> Request:
        now = clock.now()
        return Request.booked(
            id=new_id(),
            process_id=self._books.process.id,
            caller_id=admitted.caller_id,
            chain=admitted.caller.chain,
            source=SOURCE,
            endpoint=reading.CHAT_COMPLETIONS.name,
            base_url=admitted.base_url,
            model_asked=exact.clean(admitted.model),
            started_at=now,
            day=now.date().isoformat(),
            timeout_ms=round(deadline_s * _MS_PER_S),
            streamed=False,
            key_hash=admitted.key_hash,
            config_applied=_applied_text(applied),
        )

    def _refuse(self, ask: Ask, refused: CallRefused) -> Generator[Work, Any, None]:
        """Book a refusal; the refusal itself is raised by the caller of this."""
        caller = ask.caller
        model = ask.model if isinstance(ask.model, str) and ask.model else None
        refused.caller = refused.caller or (caller.name if caller else None)
        refused.model = refused.model or model
        logger.warning("call refused: %s", refused)
        known = self._desk.register.find(caller) if caller else None
        row = refusal_row(
            refused,
            process_id=self._books.process.id,
            source=SOURCE,
            caller=caller,
            caller_id=known.id if known else None,
            model=model,
        )
        try:
            yield lambda transaction: transaction.add(row)
            self._after(None)
        except LedgerError as error:
            logger.error("the refusal could not be booked: %s", error)


def _keep_answer(exchange: Exchange, ask: Ask) -> Generator[Work, Any, None]:
    """Store an answer. It was given: where it can't be stored, that is said and no more."""
    if exchange.answer is None or exchange.failure is not None:
        return
    try:
        yield contents.answer_row(exchange.request.id, exchange.answer, ask.options.turn)
    except LedgerError as error:
        logger.error("request %s: the answer could not be stored: %s", exchange.request.id, error)


def _applied_text(applied: dict[str, Any]) -> str | None:
    """What a config added to the call, as JSON text."""
    if not applied:
        return None
    return ", ".join(f'"{name}": {value!r}' for name, value in applied.items()).join("{}")


def _say_not_made(ask: Ask, error: LedgerUnavailable) -> None:
    """One line about a call that was not made, for it could not be recorded."""
    name = ask.caller.name if ask.caller else None
    logger.error("call not made: caller %s, model %s: %s", name, ask.model, error.message)


def _noted(exchange: Exchange, admitted: Admitted) -> LedgerError:
    """The exchange's failure, logged, with a note where its outcome could not be booked either."""
    failure = exchange.failure
    assert failure is not None
    if isinstance(failure, FreeModelGone) and admitted.config.ai_model == admitted.model:
        failure.hint = hints.free_model_gone(admitted.config.path)
    logger.error("call failed: %s", failure)
    if exchange.unrecorded is not None:
        failure.add_note(f"Its outcome could not be booked: {exchange.unrecorded}")
    return failure


def _conclude(exchange: Exchange, admitted: Admitted) -> Reply:
    if exchange.failure is not None:
        raise _noted(exchange, admitted)
    assert exchange.answer is not None
    assert exchange.outcome is not None
    reply = Reply.of(exchange.answer, exchange.outcome, admitted.caller.name)
    if exchange.unrecorded is not None:
        raise OutcomeNotRecorded(
            "The answer came, but its outcome could not be booked.",
            hint=f"The answer is this error's `reply`. {exchange.unrecorded}",
            caller=admitted.caller.name,
            model=admitted.model,
            request_id=reply.request_id,
            generation_id=reply.generation_id,
            reply=reply,
        )
    limited = exchange.request.config_applied or ""
    if reply.finish_reason == "length" and "max_tokens" in limited:
        logger.warning(
            "request %s: caller %s: the reply was cut at ai_max_tokens of %s",
            reply.request_id,
            admitted.caller.name,
            admitted.config.path,
        )
    return reply


def _say(what: str, exchange: Exchange) -> None:
    """One line about a request or response, without content."""
    row, outcome = exchange.request, exchange.outcome
    logger.info(
        "%s %s: caller %s, model %s%s",
        what,
        row.id,
        exchange.caller,
        row.model_asked,
        f", {outcome.status}" if outcome else "",
    )


def run(flow: Flow, writer: Writer, transport: httpx.BaseTransport) -> Reply:
    """Drive a flow in this thread."""
    result: Any = None
    try:
        step = next(flow)
        while True:
            try:
                result = _perform(step, writer, transport)
            except BaseException as error:  # noqa: BLE001 - the flow decides what it means
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _perform(step: Work | httpx.Request, writer: Writer, transport: httpx.BaseTransport) -> Any:
    if not isinstance(step, httpx.Request):
        return writer.write(step)
    response = transport.handle_request(step)
    try:
        assert isinstance(response.stream, httpx.SyncByteStream)
        for _ in response.stream:
            pass
    finally:
        response.stream.close()  # type: ignore[union-attr]
    return None


async def arun(flow: Flow, writer: Writer, transport: httpx.AsyncBaseTransport) -> Reply:
    """Drive a flow in a task."""
    result: Any = None
    try:
        step = next(flow)
        while True:
            try:
                result = await _aperform(step, writer, transport)
            except BaseException as error:  # noqa: BLE001 - the flow decides what it means
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def _aperform(
    step: Work | httpx.Request, writer: Writer, transport: httpx.AsyncBaseTransport
) -> Any:
    if not isinstance(step, httpx.Request):
        return await writer.awrite(step)
    response = await transport.handle_async_request(step)
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for _ in response.stream:
            pass
    finally:
        await response.stream.aclose()  # type: ignore[union-attr]
    return None
