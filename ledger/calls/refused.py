"""The row of a call that was never sent, and the line where it could not be booked."""

from typing import TYPE_CHECKING

from ledger import clock
from ledger.callers.detection import Caller
from ledger.errors import CallRefused, LedgerError
from ledger.logs import logger
from ledger.openrouter import exact

if TYPE_CHECKING:
    from ledger.books.models import Refusal


def refusal_row(  # noqa: PLR0913 - what a refusal tells, all by name
    refused: CallRefused,
    *,
    process_id: str,
    source: str,
    caller: Caller | None,
    caller_id: str | None,
    model: str | None,
) -> "Refusal":
    """A refusal as it is booked, now.

    Args:
        refused: why.
        process_id: this process.
        source: which way the call was to be made.
        caller: who asked, as far as that is known.
        caller_id: that caller's row, where it has one.
        model: the model that was asked for.
    """
    # A Session wants to know the table that the row points to, also where the caller is known.
    from ledger.books.models import Caller as _Caller  # noqa: F401 - loaded, not used
    from ledger.books.models import Refusal

    now = clock.now()
    return Refusal(
        process_id=process_id,
        caller_id=caller_id,
        caller_name=caller.name if caller else None,
        chain=caller.chain if caller else None,
        source=source,
        model_asked=exact.clean(model) if model else None,
        at=now,
        day=clock.day_of(now),
        reason=type(refused).__name__,
        message=exact.clean(refused.message),
    )


def say_unbooked(refused: CallRefused, error: LedgerError) -> None:
    """A refusal that is in no row is in the log: whose it was, and why there is none."""
    who = (type(refused).__name__, refused.caller, refused.model)
    logger.error("%s: caller %s, model %s: the refusal could not be booked: %s", *who, error)
