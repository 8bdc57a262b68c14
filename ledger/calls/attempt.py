"""One attempt on the wire, as steps that a transport performs: I/O-free, shared by all drivers.

A step is the request to send, work for the books, or an exchange whose outcome is to be booked.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ledger import logs
from ledger.books.unit import Work
from ledger.calls.backlog import Backlog
from ledger.calls.recorder import Exchange
from ledger.calls.route import WROTE
from ledger.errors import CallRefused, LedgerError, LedgerUnavailable
from ledger.logs import logger

if TYPE_CHECKING:
    import httpx

Steps = Generator[Any, Any, tuple[Any, Exchange | None]]
"""Ends with the response, or the error that stands for it, and the exchange if it is recorded."""

ExchangeFor = Callable[["httpx.Request"], Generator[Work, Any, Exchange | None]]
"""Makes the exchange of a request that is not our own; None lets it pass unrecorded.

It yields work for the books, where some must be done first, and is sent what came of it. It raises
`CallRefused` where the request is not to be sent, with the refusal booked already, and another
`LedgerError` where it can't be recorded; it runs in the frame of whoever sends the request.
"""


def attempt(exchange: Exchange, request: "httpx.Request") -> Steps:
    """The steps up to the response's head.

    Whatever a step raises is thrown in here, so that cancellation too gets its outcome.

    Raises:
        CallRefused: the budgets have no room; that is booked.
    """
    try:
        refused = (yield exchange.work) if exchange.work else None
    except LedgerError:  # no record, no call
        raise
    except BaseException as error:  # cancelled meanwhile: the row may be in the books all the same
        exchange.break_off(error, wrote=False)
        yield exchange
        raise
    if exchange.claim is not None:
        exchange.claim.tell()
    if isinstance(refused, CallRefused):
        logger.warning("call refused: %s", refused)
        raise refused
    exchange.begin()
    try:
        response = yield request
    except BaseException as error:
        # A transport that doesn't say may have written.
        wrote = bool(request.extensions.get(WROTE, not exchange.is_own))
        exchange.break_off(error, wrote=wrote)
        yield exchange
        raise
    exchange.head(response.status_code, response.headers)
    return response, exchange


def foreign(request: "httpx.Request", exchange_for: ExchangeFor, backlog: Backlog) -> Steps:
    """The steps of a request that another library makes.

    None of our errors is raised there: SDKs retry what raises, and pay again. The error is
    returned in the response's place, for the driver to answer with.
    """
    try:
        exchange = yield from _known(request, exchange_for, backlog)
    except LedgerError as error:
        return error, None
    if exchange is None:
        return (yield request), None
    try:
        return (yield from attempt(exchange, request))
    except CallRefused as refused:
        return refused, None
    except LedgerError as error:
        model = exchange.request.model_asked
        logger.error("call not made: caller %s, model %s: %s", exchange.caller, model, error)
        return error, None


def passing(request: "httpx.Request") -> Steps:
    """The step of a request that is none of ours to record."""
    return (yield request), None


def _known(
    request: "httpx.Request", exchange_for: ExchangeFor, backlog: Backlog
) -> Generator[Work, Any, Exchange | None]:
    """The request's exchange, once the books have what they are owed.

    Raises:
        LedgerError: there is none, and so the request is not sent.
    """
    try:
        yield from backlog.pay()
        return (yield from exchange_for(request))
    except LedgerError as error:
        logger.error("call not made: %s", error)
        raise
    except Exception as error:
        # The kind and the place, not the text: it may quote what the call asks.
        kind, place = type(error).__name__, logs.place_of(error)
        logger.error("call not made: it could not be told whose it is: %s at %s", kind, place)
        raise LedgerUnavailable(
            f"The call could not be recorded ({type(error).__name__}), so it was not made.",
            hint="Report this with the log's lines about it.",
        ) from error
