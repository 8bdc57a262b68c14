"""Advice before a call is made: what it can cost. Nothing is sent, and nothing booked."""

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger import money
from ledger.calls import payload
from ledger.calls.payload import Messages
from ledger.client.wiring import Wired
from ledger.errors import ModelRequired
from ledger.openrouter import billable, exact

if TYPE_CHECKING:
    from ledger.limits.quoting import Quote


class Advising(Wired):
    """What a ledger says of calls that were not made."""

    def quote(
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        max_cost: Decimal | int | str | None = None,
        **params: Any,
    ) -> "Quote":
        """See `ledger.quote`."""
        from ledger.limits.quoting import quote

        self._open_once()
        found = self.desk.detect(sys._getframe(1), caller)  # noqa: SLF001 - the documented way to a frame
        if not model:
            raise ModelRequired(
                f"A quote for '{found.name}' needs a model: the ledger never picks one.",
                hint="Pass model=, as to get_response.",
                caller=found.name,
            )
        payload.check_provider(params, self.desk.rules().default_provider)
        applied = payload.from_config(model, params, self.desk.caller_config(found))
        body = exact.loads(payload.encode(model, messages, params | applied))
        declared = None if max_cost is None else money.given(max_cost, "max_cost")
        most = None if declared is None else money.to_usd(declared)
        return quote(self.books, self.gate.prices, found.name, body, billable.CHAT.name, most)
