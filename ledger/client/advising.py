"""Advice before a call is made: what it can cost. Nothing is sent, and nothing booked."""

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

from ledger.calls import payload
from ledger.calls.payload import Messages
from ledger.client.wiring import Wired
from ledger.errors import ModelRequired
from ledger.openrouter import billable, exact

if TYPE_CHECKING:
    from ledger.limits.prices import PriceBook
    from ledger.limits.quoting import Quote


class Advising(Wired):
    """What a ledger says of calls that were not made."""

    _prices: "PriceBook | None" = None

    def quote(
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        **params: Any,
    ) -> "Quote":
        """See `ledger.quote`."""
        return self._quote(sys._getframe(1), messages, model, caller, params)  # noqa: SLF001 - the documented way to a frame

    def _quote(
        self,
        frame: FrameType,
        messages: Messages,
        model: str | None,
        caller: str | None,
        params: dict[str, Any],
    ) -> "Quote":
        from ledger.limits.quoting import quote

        self._open_once()
        found = self.desk.detect(frame, caller)
        if not model:
            raise ModelRequired(
                f"A quote for '{found.name}' needs a model: the ledger never picks one.",
                hint="Pass model=, as to get_response.",
                caller=found.name,
            )
        payload.check_provider(params, self.desk.rules().default_provider)
        applied = payload.from_config(model, params, self.desk.caller_config(found))
        body = exact.loads(payload.encode(model, messages, params | applied))
        return quote(self.books, self._price_book(), found.name, body, billable.CHAT.name)

    def _price_book(self) -> "PriceBook":
        """What models cost, as this ledger last saw it."""
        if self._prices is None:
            from ledger.limits.prices import PriceBook

            self._prices = PriceBook(self.books)
        return self._prices
