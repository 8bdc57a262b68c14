"""Advice of the default ledger, before a call is made."""

from decimal import Decimal
from typing import Any

from ledger.calls.payload import Messages
from ledger.client.ledger import default
from ledger.limits.quoting import Quote


def quote(
    messages: Messages,
    model: str | None = None,
    caller: str | None = None,
    *,
    max_cost: Decimal | int | str | None = None,
    **params: Any,
) -> Quote:
    """What a call can cost at most, and the median of the caller's own calls. Sends nothing.

    The bound is by the catalogue (`python -m ledger models sync`): the longest prompt and answer
    that there may be, at the dearest price of any who may serve it. Neither figure is booked.

    Args:
        messages: as `get_response` takes them.
        model: the model's slug.
        caller: whose call it would be; found out from the calling module if not given.
        max_cost: as `get_response` takes it; it stands for a bound, or lowers one.
        **params: as `get_response` takes them; `max_tokens` bounds the answer.

    Returns:
        The `Quote`: `.bound_usd` and its `.parts`, or `.unbounded` with the reason; `.median_usd`
        and the number of `.calls` behind it.

    Raises:
        CallRefused: it could not be a call: `ModelRequired`, `RequestInvalid`, `CallerUnknown`.
        LedgerUnavailable: the books can't be read.
    """
    return default().quote(messages, model, caller, max_cost=max_cost, **params)
