"""Requests that other libraries make: whose they are, what they ask for, whether they may go.

Nothing of a request is changed. What is not known stays NULL: the caller where no module is above
the SDK, the model where the body is too long or of an unknown kind.
"""

import sys
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from ledger import clock
from ledger.books.books import Books
from ledger.books.ids import new_id
from ledger.books.models import Request
from ledger.books.unit import Work
from ledger.callers import names
from ledger.callers.blocks import open_tags
from ledger.callers.configs import GlobalConfig
from ledger.callers.detection import Caller
from ledger.callers.tags import Tags
from ledger.calls import contents, foreign_bodies, jobs
from ledger.calls.admission import Desk
from ledger.calls.backlog import Backlog
from ledger.calls.digests import Digests
from ledger.calls.foreign_contents import sent_messages
from ledger.calls.limiting import limited
from ledger.calls.recorder import Exchange
from ledger.calls.refused import refusal_row, say_unbooked
from ledger.calls.switches import check_caller_enabled, check_enabled
from ledger.calls.tagging import tag_rows
from ledger.calls.transports import async_recording, recording
from ledger.errors import CallerUnknown, CallRefused, LedgerError
from ledger.limits.gate import Gate
from ledger.limits.scopes import Facts
from ledger.logs import logger
from ledger.openrouter import asked, billable, hosts, reading
from ledger.openrouter.billable import Service
from ledger.openrouter.hosts import Below

if TYPE_CHECKING:
    import httpx

    from ledger.books.models import Refusal

SOURCE = "transport"


@dataclass(frozen=True, slots=True)
class Known:
    """What a transport was told when it was made.

    Attributes:
        caller: the name to book its calls under; None: the module that calls.
        named: hosts and base URLs beside the ledger's own, checked.
    """

    caller: str | None = None
    named: tuple[str, ...] = ()


def known(caller: str | None, named: Iterable[str]) -> Known:
    """What a transport is to know, checked.

    Raises:
        CallerInvalid: the caller is no name.
        ConfigInvalid: one of the hosts is none.
    """
    if caller is not None:
        names.parse_explicit(caller)
    return Known(caller, hosts.checked(named))


class Foreign:
    """Makes exchanges for the foreign requests of one ledger.

    Args:
        books: where they are recorded.
        desk: knows the rules and the callers.
        backlog: keeps the ends of those that could not be booked.
        digests: tell later which of them asked the same, body for body.
        open_books: makes the home, once; called before the first request is recorded.
        after: told of every exchange that ended, and with None of every refusal.
        gate: knows the budgets.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a ledger is made of
        self,
        books: Books,
        desk: Desk,
        backlog: Backlog,
        digests: Digests,
        open_books: Callable[[], None],
        after: Callable[[Exchange | None], None],
        gate: Gate,
    ) -> None:
        self._books = books
        self._desk = desk
        self._backlog = backlog
        self._digests = digests
        self._open_books = open_books
        self._after = after
        self._gate = gate

    def recording(
        self, inner: "httpx.BaseTransport", family_name: str, known: Known
    ) -> "httpx.BaseTransport":
        """A transport of a family that records what passes through another one.

        Raises:
            RequestInvalid: the family is not there.
        """
        return recording(
            inner,
            self._books.writer,
            family_name=family_name,
            exchange_for=partial(self.exchange_for, known=known),
            backlog=self._backlog,
        )

    def async_recording(
        self, inner: "httpx.AsyncBaseTransport", family_name: str, known: Known
    ) -> "httpx.AsyncBaseTransport":
        """The same for tasks."""
        return async_recording(
            inner,
            self._books.writer,
            family_name=family_name,
            exchange_for=partial(self.exchange_for, known=known),
            backlog=self._backlog,
        )

    def is_call(self, request: "httpx.Request", known: Known) -> bool:
        """Whether a request is one that the books want: a call, or a look at its job."""
        place = self._place(request, known)
        return place is not None and billable.recognise(request.method, place.path) is not None

    def exchange_for(
        self, request: "httpx.Request", known: Known
    ) -> Generator[Work, Any, Exchange | None]:
        """The exchange of a request; None for one that costs nothing or goes elsewhere.

        Runs in the frame of whoever sends it. Yields work for the books.

        Raises:
            CallRefused: it is not to be sent; booked as a refusal.
            LedgerUnavailable: it can't be recorded.
        """
        place = self._place(request, known)
        service = place and billable.recognise(request.method, place.path)
        if not place or not service:
            return None
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        self._open_books()
        if service is billable.VIDEO_JOB:
            return self._look(place)
        body = foreign_bodies.body(request)
        what = asked.read(request.headers.get("content-type"), body)
        caller: Caller | None = None
        caller_id: str | None = None
        try:
            rules = self._desk.rules()
            tags = open_tags(None)
            caller = self._caller(frame, known.caller, rules)
            check_enabled(rules, caller)
            if caller is not None:
                entered = yield from self._desk.enter(caller)
                caller, caller_id = entered.caller, entered.id
                check_caller_enabled(entered.config, caller, what.model)
        except CallRefused as refused:
            yield from self._refuse(refused, caller, what.model)
            raise
        facts = foreign_bodies.facts(request, what)
        chain = caller.chain if caller else None
        row = self._row(place, service, caller_id=caller_id, chain=chain, **facts)
        exchange = self._exchange(row, caller, service, rules)
        exchange.sent = body
        exchange.work = (row, *tag_rows(row.id, tags), *self._digests.rows(row.id, body))
        if rules.store_messages:
            exchange.work += contents.message_rows(row.id, sent_messages(body), None)
        self._limit(exchange, caller, caller_id, tags)
        if rules.log_requests:
            logger.info("request %s: caller %s, model %s", row.id, exchange.caller, row.model_asked)
        return exchange

    # --- inside -----------------------------------------------------------------------------

    def _place(self, request: "httpx.Request", known: Known) -> Below | None:
        """The base URL that the request is below, of those whose calls are booked."""
        bases = (*self._desk.own_bases(), *hosts.OPENROUTER, *known.named)
        return hosts.below(str(request.url), bases)

    def _caller(self, frame: FrameType, explicit: str | None, rules: GlobalConfig) -> Caller | None:
        """Who calls; None where nobody can say."""
        try:
            return self._desk.detect(frame, explicit, rules)
        except CallerUnknown:
            return None

    def _row(self, place: Below, service: Service, **facts: Any) -> Request:
        """A request that begins now."""
        now = clock.now()
        return Request.booked(
            id=new_id(),
            process_id=self._books.process.id,
            source=SOURCE,
            endpoint=service.name,
            base_url=place.base_url,
            started_at=now,
            day=now.date().isoformat(),
            **facts,
        )

    def _exchange(
        self, row: Request, caller: Caller | None, service: Service, rules: GlobalConfig
    ) -> Exchange:
        kind = jobs.HandedIn if service is billable.VIDEOS else Exchange
        exchange = kind(
            row,
            caller.name if caller else None,
            float("inf"),
            endpoint=reading.endpoint_of(service),
            is_own=False,
        )
        exchange.after = partial(self._ended, rules)
        return exchange

    def _limit(
        self, exchange: Exchange, caller: Caller | None, caller_id: str | None, tags: Tags
    ) -> None:
        """Let the budgets decide, where it is written."""
        row = exchange.request
        facts = Facts(caller.name if caller else None, row.chain, row.model_asked, tags)

        def refusal(refused: CallRefused) -> "Refusal":
            return self._refusal(refused, caller, caller_id, row.model_asked)

        limited(exchange, self._gate, facts, None, refusal)

    def _ended(self, rules: GlobalConfig, exchange: Exchange) -> None:
        """Say how an exchange ended, without content, and what is to be settled of it."""
        row, outcome = exchange.request, exchange.outcome
        if exchange.failure is not None:
            logger.error("call failed: %s", exchange.failure)
        if rules.log_responses and outcome is not None:
            what = (row.id, exchange.caller, row.model_asked, outcome.status)
            logger.info("response %s: caller %s, model %s, %s", *what)
        if rules.store_answers and exchange.answer is not None and exchange.failure is None:
            self._books.writer.post(contents.answer_row(row.id, exchange.answer, None))
        self._after(exchange)

    def _look(self, place: Below) -> Exchange:
        """The exchange of a look at a job."""
        job = billable.job_of(place.path)
        assert job is not None
        unbooked = self._row(place, billable.VIDEOS)
        look = jobs.Look(unbooked, job, reading.endpoint_of(billable.VIDEO_JOB))
        look.after = self._after
        return look

    def _refusal(
        self,
        refused: CallRefused,
        caller: Caller | None,
        caller_id: str | None,
        model: str | None,
    ) -> "Refusal":
        """The row of a refusal, which is told whom it concerns."""
        refused.caller = refused.caller or (caller.name if caller else None)
        refused.model = refused.model or model
        return refusal_row(
            refused,
            process_id=self._books.process.id,
            source=SOURCE,
            caller=caller,
            caller_id=caller_id,
            model=model,
        )

    def _refuse(
        self, refused: CallRefused, caller: Caller | None, model: str | None
    ) -> Generator[Work, Any, None]:
        known = self._desk.register.find(caller) if caller else None
        row = self._refusal(refused, caller, known.id if known else None, model)
        try:
            yield lambda transaction: transaction.add(row)
            self._after(None)
        except LedgerError as error:
            say_unbooked(refused, error)
