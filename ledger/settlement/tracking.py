"""Booking a generation that was made elsewhere, under the caller that made it."""

from sqlmodel import col, select

from ledger import clock
from ledger.books.models import Outcome, Request
from ledger.books.unit import Transaction
from ledger.callers.detection import Caller
from ledger.errors import KeyInvalid, KeyMissing, RequestInvalid
from ledger.logs import logger
from ledger.openrouter import exact
from ledger.settlement.settler import Settler

SOURCE = "track_usage"
MAX_ID = 256


def check_id(generation_id: object) -> str:
    """A generation id; beyond length and characters it is opaque text.

    Raises:
        RequestInvalid: it can't be one.
    """
    if not isinstance(generation_id, str):
        fault = f"it is of type {type(generation_id).__name__}"
    elif not generation_id:
        fault = "it is empty"
    elif len(generation_id) > MAX_ID:
        fault = f"it has more than {MAX_ID} characters"
    elif not generation_id.isprintable() or " " in generation_id:
        fault = "it has spaces or control characters"
    else:
        return generation_id
    raise RequestInvalid(
        f"That is no generation id: {fault}.",
        hint="It is the `id` of an answer, or its X-Generation-Id header: gen-...",
    )


def track_usage(settler: Settler, caller: Caller, generation_id: str, model: str | None) -> str:
    """Book a generation made elsewhere, and ask for its record once.

    A generation that is booked already stays with its first request.

    Args:
        settler: asks, and books what comes.
        caller: who made it.
        generation_id: the provider's id of it.
        model: the model that was asked for, where known.

    Returns:
        The id of its request. Not settled yet where the provider isn't ready, or no key is
        there to ask with: then the schedule goes on.

    Raises:
        RequestInvalid: the id or the model can't be one.
        LedgerUnavailable: it can't be booked.
    """
    check_id(generation_id)
    if model is not None and not isinstance(model, str):
        raise RequestInvalid(f"model must be text, not {type(model).__name__}.", caller=caller.name)
    request_id = _booked(settler, caller, generation_id, model)
    try:
        for each in settler.pending(generation_id):
            if settler.is_ours(each):
                settler.settle_one(each)
    except (KeyMissing, KeyInvalid) as error:
        logger.warning("generation %s stays pending: %s", generation_id, error)
    finally:
        settler.close()
    return request_id


def _booked(settler: Settler, caller: Caller, generation_id: str, model: str | None) -> str:
    """The id of the generation's request, booked now where there is none."""
    now, process_id = clock.now(), settler.books.process.id
    request = Request(
        process_id=process_id,
        chain=caller.chain,
        source=SOURCE,
        endpoint="generation",
        base_url=settler.desk.base_url(settler.desk.rules()),
        model_asked=None if model is None else exact.clean(model),
        started_at=now,
        day=clock.day_of(now),
    )
    outcome = Outcome(
        id=request.id,
        ended_at=now,
        status="finished",
        generation_id=generation_id,
        cost_grade="pending",
    )
    enter = settler.desk.register.enter(caller, None)

    def step(transaction: Transaction) -> str | None:
        query = select(Outcome.id).where(col(Outcome.generation_id) == generation_id)
        known = transaction.connection.execute(query.order_by(col(Outcome.id))).first()
        if known is not None:
            return str(known[0])
        request.caller_id = enter(transaction)
        if request.caller_id is None:
            return None
        transaction.insert(request, outcome)
        return request.id

    booked: str | None = settler.books.writer.write(step)
    if booked is None:  # another folder has had the name meanwhile
        other = settler.desk.renamed(caller)
        return _booked(settler, other, generation_id, model)
    return booked
