"""Making calls: what a module says to be answered, and what is booked of it."""

import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ledger import clock
from ledger.callers.configs import CallerConfig
from ledger.callers.tags import Tags
from ledger.calls.options import Options
from ledger.calls.payload import Messages
from ledger.calls.reply import Reply
from ledger.client.wiring import Wired
from ledger.logs import follow_ecosystem

if TYPE_CHECKING:
    from decimal import Decimal

    from ledger.calls.streams import AsyncReplyStream, ReplyStream
    from ledger.reports.rows import RequestStatus


class Calling(Wired):
    """The calls of a ledger."""

    def get_response(  # noqa: PLR0913 - one for each argument of the public function
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        response_model: type[Any] | None = None,
        store_messages: bool | None = None,
        store_answers: bool | None = None,
        max_cost: "Decimal | int | str | None" = None,
        **params: Any,
    ) -> Reply:
        """See `ledger.get_response`."""
        options = Options(tags, response_model, store_messages, store_answers, max_cost=max_cost)
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        return self._get_response(frame, messages, model, caller, timeout, options, params)

    def aget_response(  # noqa: PLR0913 - as above
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        response_model: type[Any] | None = None,
        store_messages: bool | None = None,
        store_answers: bool | None = None,
        max_cost: "Decimal | int | str | None" = None,
        **params: Any,
    ) -> Coroutine[Any, Any, Reply]:
        """See `ledger.aget_response`. Detects the caller here: inside a task it is gone."""
        options = Options(tags, response_model, store_messages, store_answers, max_cost=max_cost)
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        return self._aget_response(frame, messages, model, caller, timeout, options, params)

    def stream_response(  # noqa: PLR0913 - as above
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        response_model: type[Any] | None = None,
        store_messages: bool | None = None,
        store_answers: bool | None = None,
        max_cost: "Decimal | int | str | None" = None,
        **params: Any,
    ) -> "ReplyStream":
        """See `ledger.stream_response`."""
        options = Options(tags, response_model, store_messages, store_answers, max_cost=max_cost)
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        return self._stream_response(frame, messages, model, caller, timeout, options, params)

    def astream_response(  # noqa: PLR0913 - as above
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        response_model: type[Any] | None = None,
        store_messages: bool | None = None,
        store_answers: bool | None = None,
        max_cost: "Decimal | int | str | None" = None,
        **params: Any,
    ) -> "AsyncReplyStream":
        """See `ledger.astream_response`. Detects the caller here, as `aget_response` does."""
        options = Options(tags, response_model, store_messages, store_answers, max_cost=max_cost)
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        return self._astream_response(frame, messages, model, caller, timeout, options, params)

    def caller_config(self, caller: str | None = None) -> CallerConfig:
        """See `ledger.caller_config`."""
        return self.desk.caller_config(self.desk.detect(sys._getframe(1), caller))  # noqa: SLF001 - the documented way to a frame

    def get_api_key(self, provider: str = "openrouter") -> str:
        """See `ledger.get_api_key`."""
        follow_ecosystem()
        return self.desk.api_key(provider)

    def track_usage(
        self, caller: str | None, generation_id: str, model: str | None = None
    ) -> "RequestStatus":
        """See `ledger.track_usage`."""
        from ledger.settlement.tracking import track_usage

        self._open()
        found = self.desk.detect(sys._getframe(1), caller)  # noqa: SLF001 - the documented way to a frame
        settler = self.background.settler()
        request_id = track_usage(settler, found, generation_id, model)
        self.background.notice(generation_id, clock.now())
        from ledger.reports import queries

        return queries.request(self.books, request_id)
