"""Making calls: what a module says to be answered, and what is booked of it."""

import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ledger import clock
from ledger.callers.configs import CallerConfig
from ledger.callers.tags import Tags
from ledger.calls.payload import Messages
from ledger.calls.reply import Reply
from ledger.client.wiring import Wired
from ledger.logs import follow_ecosystem

if TYPE_CHECKING:
    from ledger.reports.rows import RequestStatus


class Calling(Wired):
    """The calls of a ledger."""

    def get_response(
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        **params: Any,
    ) -> Reply:
        """See `ledger.get_response`."""
        return self._get_response(sys._getframe(1), messages, model, caller, timeout, tags, params)  # noqa: SLF001 - the documented way to a frame

    def aget_response(
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        **params: Any,
    ) -> Coroutine[Any, Any, Reply]:
        """See `ledger.aget_response`. Detects the caller here: inside a task it is gone."""
        return self._aget_response(sys._getframe(1), messages, model, caller, timeout, tags, params)  # noqa: SLF001 - the documented way to a frame

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
