"""One call from asked to answered, as a generator with two thin drivers.

It yields work for the books, or a request to send; a driver (`ledger.calls.driving`) performs it
and sends back the result, or throws in what was raised.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import httpx

from ledger import clock
from ledger.books.books import Books
from ledger.books.ids import new_id
from ledger.books.models import Request
from ledger.books.unit import Work
from ledger.calls import concluding, contents, headers, payload
from ledger.calls.admission import Admitted, Ask, Desk
from ledger.calls.backlog import Backlog
from ledger.calls.concluding import Made
from ledger.calls.digests import Digests
from ledger.calls.limiting import limited
from ledger.calls.recorder import EXCHANGE, Exchange
from ledger.calls.refused import refusal_row, say_unbooked
from ledger.calls.reply import Reply
from ledger.calls.route import DEADLINE
from ledger.calls.tagging import tag_rows
from ledger.errors import CallRefused, LedgerError, LedgerUnavailable
from ledger.limits.gate import Gate
from ledger.limits.scopes import Facts
from ledger.logs import logger
from ledger.openrouter import endpoints, exact, reading
from ledger.settings import DEFAULT_DEADLINE_S

if TYPE_CHECKING:
    from ledger.books.models import Refusal

SOURCES = {False: "get_response", True: "stream_response"}
"""What is booked as a request's source, by whether its answer is a stream."""

_MS_PER_S = 1000

Flow = Generator[Work | httpx.Request, Any, Reply]


class Calls:
    """Makes flows for one ledger.

    Args:
        books: where calls are recorded.
        desk: admits them.
        backlog: what earlier calls owe to the books; it goes first.
        digests: tell later which calls asked the same.
        after: told of every exchange that ended, and with None of every refusal.
        gate: knows the budgets.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a ledger is made of
        self,
        books: Books,
        desk: Desk,
        backlog: Backlog,
        digests: Digests,
        after: Callable[[Exchange | None], None],
        gate: Gate,
    ) -> None:
        self._books = books
        self._desk = desk
        self._backlog = backlog
        self._digests = digests
        self._after = after
        self._gate = gate

    def call(self, ask: Ask) -> Flow:
        """One call, answered whole.

        Raises:
            CallRefused: it was not sent; recorded as a refusal.
            LedgerUnavailable: it could not be recorded, so it was not sent.
            ProviderError, ConnectionFailed: how it failed; recorded.
            OutcomeNotRecorded: it was answered, but the outcome could not be recorded.
        """
        made = yield from self.make(ask)
        try:
            yield made.request
        except Exception as error:  # noqa: BLE001 - raised again, as what it means to the caller
            concluding.broke(made, error)
        finally:
            self.over(made)
        return (yield from concluding.conclude(made))

    def make(self, ask: Ask) -> Generator[Work, Any, Made]:
        """The steps from what is asked to a call that may be sent.

        Raises:
            CallRefused: it may not; recorded as a refusal.
            LedgerUnavailable: it could not be recorded.
        """
        try:
            yield from self._backlog.pay()
            admitted = yield from self._desk.admit(ask)
            exchange, request = self._prepare(ask, admitted)
        except CallRefused as refused:
            yield from self._refuse(ask, refused)
            raise
        except LedgerUnavailable as error:
            concluding.say_not_made(ask, error)
            raise
        if admitted.rules.log_requests:
            concluding.say("request", exchange)
        return Made(ask, admitted, exchange, request)

    def over(self, made: Made) -> None:
        """A call was made, however it ended; what it cost is settled later."""
        claim = made.exchange.claim
        if made.exchange.outcome is not None:
            self._after(made.exchange)
        elif claim is not None and claim.refused is not None:
            self._after(None)

    def _prepare(self, ask: Ask, admitted: Admitted) -> tuple[Exchange, httpx.Request]:
        """The exchange with its request row, and the request itself."""
        applied = payload.from_config(admitted.model, ask.params, admitted.config)
        deadline_s = DEFAULT_DEADLINE_S if ask.timeout_s is None else ask.timeout_s
        row = self._row(ask, admitted, deadline_s, applied)
        found_by = payload.found_by(row.id, ask.params) if admitted.rules.find_by_id else {}
        params = ask.params | applied | found_by
        body = payload.encode(admitted.model, ask.messages, params, streamed=ask.is_stream)
        ends_at = clock.monotonic() + deadline_s
        exchange = Exchange(row, admitted.caller.name, ends_at)
        exchange.sent = body
        said = payload.messages_in(body, admitted.model, params, streamed=ask.is_stream)
        digests = self._digests.rows(row.id, said)
        exchange.work = (row, *tag_rows(row.id, ask.tags), *digests)
        if ask.options.stores("messages", admitted.rules):
            exchange.work += contents.message_rows(row.id, ask.messages, ask.options.turn)
        self._limit(ask, admitted, exchange)
        silence = min(admitted.rules.timeout_seconds, deadline_s)
        url = endpoints.url(admitted.base_url, endpoints.CHAT_COMPLETIONS)
        request = headers.post(url, admitted.key, body, silence)
        request.extensions[DEADLINE] = ends_at
        request.extensions[EXCHANGE] = exchange
        return exchange, request

    def _limit(self, ask: Ask, admitted: Admitted, exchange: Exchange) -> None:
        """Let the budgets decide, where it is written."""
        row, caller = exchange.request, admitted.caller
        facts = Facts(caller.name, caller.chain, row.model_asked, ask.tags)

        def refusal(refused: CallRefused) -> "Refusal":
            return self._refusal(ask, refused, admitted.caller_id)

        limited(exchange, self._gate, facts, ask.options.max_cost_pico, refusal)

    def _row(
        self, ask: Ask, admitted: Admitted, deadline_s: float, applied: dict[str, Any]
    ) -> Request:
        now = clock.now()
        return Request.booked(
            id=new_id(),
            process_id=self._books.process.id,
            caller_id=admitted.caller_id,
            chain=admitted.caller.chain,
            source=_source(ask),
            endpoint=reading.CHAT_COMPLETIONS.name,
            base_url=admitted.base_url,
            model_asked=exact.clean(admitted.model),
            started_at=now,
            day=now.date().isoformat(),
            timeout_ms=round(deadline_s * _MS_PER_S),
            streamed=ask.is_stream,
            key_hash=admitted.key_hash,
            config_applied=_applied_text(applied),
        )

    def _refuse(self, ask: Ask, refused: CallRefused) -> Generator[Work, Any, None]:
        """Book a refusal; the refusal itself is raised by the caller of this."""
        known = self._desk.register.find(ask.caller) if ask.caller else None
        row = self._refusal(ask, refused, known.id if known else None)
        logger.warning("call refused: %s", refused)
        try:
            yield lambda transaction: transaction.add(row)
            self._after(None)
        except LedgerError as error:
            say_unbooked(refused, error)

    def _refusal(self, ask: Ask, refused: CallRefused, caller_id: str | None) -> "Refusal":
        """The row of a refusal, which is told whom it concerns."""
        caller = ask.caller
        model = ask.model if isinstance(ask.model, str) and ask.model else None
        refused.caller = refused.caller or (caller.name if caller else None)
        refused.model = refused.model or model
        return refusal_row(
            refused,
            process_id=self._books.process.id,
            source=_source(ask),
            caller=caller,
            caller_id=caller_id,
            model=model,
        )


def _source(ask: Ask) -> str:
    return SOURCES[ask.is_stream]


def _applied_text(applied: dict[str, Any]) -> str | None:
    """What a config added to the call, as JSON text."""
    if not applied:
        return None
    return ", ".join(f'"{name}": {value!r}' for name, value in applied.items()).join("{}")
