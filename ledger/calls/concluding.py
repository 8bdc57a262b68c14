"""What is made of a call that has ended: the reply, or the error; and the log's lines about it."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ledger.books.unit import Work
from ledger.calls import contents
from ledger.calls.admission import Admitted, Ask
from ledger.calls.parsing import parse
from ledger.calls.recorder import Exchange
from ledger.calls.reply import Reply
from ledger.errors import FreeModelGone, LedgerError, LedgerUnavailable, OutcomeNotRecorded
from ledger.logs import logger
from ledger.openrouter import hints

if TYPE_CHECKING:
    import httpx


@dataclass(slots=True)
class Made:
    """A call that may be sent: what was asked, as whom, its record and its request."""

    ask: Ask
    admitted: Admitted
    exchange: Exchange
    request: "httpx.Request" = field(repr=False)


def broke(made: Made, error: Exception) -> None:
    """What was raised while the call was made, as its caller gets to see it.

    Raises:
        LedgerError: always, where the failure is one of the call's.
    """
    if made.exchange.failure is not None:
        raise _noted(made.exchange, made.admitted) from error
    if isinstance(error, LedgerUnavailable):
        say_not_made(made.ask, error)
    raise error


def conclude(made: Made) -> Generator[Work, Any, Reply]:
    """The reply to a call that ended, once its answer is stored where that is wanted.

    Raises:
        ProviderError, ConnectionFailed: it failed.
        OutcomeNotRecorded, AnswerMismatched: it was answered; the error carries the reply.
    """
    ask, rules = made.ask, made.admitted.rules
    if rules.log_responses:
        say("response", made.exchange)
    if ask.options.stores("answers", rules):
        yield from _keep_answer(made.exchange, ask)
    return parse(_reply(made.exchange, made.admitted), ask.options.response_model)


def _keep_answer(exchange: Exchange, ask: Ask) -> Generator[Work, Any, None]:
    """Store an answer. It was given: where it can't be stored, that is said and no more."""
    if exchange.answer is None or exchange.failure is not None:
        return
    try:
        yield contents.answer_row(exchange.request.id, exchange.answer, ask.options.turn)
    except LedgerError as error:
        logger.error(
            "request %s: caller %s, model %s: the answer could not be stored: %s",
            exchange.request.id,
            exchange.caller,
            exchange.request.model_asked,
            error,
        )


def say_not_made(ask: Ask, error: LedgerUnavailable) -> None:
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


def _reply(exchange: Exchange, admitted: Admitted) -> Reply:
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


def say(what: str, exchange: Exchange) -> None:
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
