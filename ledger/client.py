"""`Ledger`: wires settings, books, connections and rooms together. No logic lives here."""

import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import clock
from ledger import settings as settings_module
from ledger.background import Background
from ledger.books import migrate
from ledger.books.backup import Backup, backup
from ledger.books.books import Books
from ledger.books.migrate import Upgrade
from ledger.books.models import Process
from ledger.books.target import locate
from ledger.callers.configs import CallerConfig
from ledger.calls import flow
from ledger.calls.admission import Desk
from ledger.calls.payload import Messages
from ledger.calls.pool import Pool
from ledger.calls.recorder import Exchange
from ledger.calls.register import Register
from ledger.calls.reply import Reply
from ledger.calls.transports import AsyncRecordingTransport, RecordingTransport
from ledger.errors import ConfigInvalid, LedgerError
from ledger.living import Living
from ledger.logs import follow_ecosystem

if TYPE_CHECKING:
    from ledger.exchange.snapshots import ExportReport
    from ledger.reports.rows import RequestStatus, UsageRow
    from ledger.reports.status import Status
    from ledger.settlement.settler import SettleReport

_all_ledgers: "Living[Ledger]" = Living()


class Ledger:
    """The books of one home or database, and the calls that are recorded in them.

    Args:
        home: the folder of the ledger and its JSON files; `LEDGER_HOME`, else the platform's
            user data folder.
        url: an SQLAlchemy URL of the database; `LEDGER_URL`, else `<home>/ledger.db`.
        api_key: the OpenRouter key; else `OPENROUTER_API_KEY`, the config, a `.env`.
        base_url: `OPENROUTER_BASE_URL`, else the config, else OpenRouter itself.
        background: whether settlement and export run by themselves in the background.
    """

    def __init__(
        self,
        *,
        home: str | os.PathLike[str] | None = None,
        url: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        background: bool | None = None,
    ) -> None:
        self.settings = settings_module.resolve(
            home=home, url=url, base_url=base_url, background=background
        )
        self.books = Books(locate(self.settings), self._describe)
        self._register = Register(self.books, self.settings.home)
        self.desk = Desk(self.settings, self._register, api_key, os.environ)
        self._calls = flow.Calls(self.books, self.desk, self._after)
        self._is_open = False
        self.background = Background(
            self.books, self.desk, self.settings.home, is_on=self.settings.background
        )
        self._connect()
        _all_ledgers.add(self)

    def __repr__(self) -> str:
        return f"Ledger({self.books.target.name!r})"

    def get_response(
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        **params: Any,
    ) -> Reply:
        """See `ledger.get_response`."""
        return self._get_response(sys._getframe(1), messages, model, caller, timeout, params)  # noqa: SLF001 - the documented way to a frame

    def aget_response(
        self,
        messages: Messages,
        model: str | None = None,
        caller: str | None = None,
        *,
        timeout: float | None = None,
        **params: Any,
    ) -> Coroutine[Any, Any, Reply]:
        """See `ledger.aget_response`. Detects the caller here: inside a task it is gone."""
        return self._aget_response(sys._getframe(1), messages, model, caller, timeout, params)  # noqa: SLF001 - the documented way to a frame

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
        return self.show(request_id)

    def settle(self, progress: Callable[[int, int], None] | None = None) -> "SettleReport":
        """Ask the provider once, now, for the record of every request that lacks one.

        Args:
            progress: called with (done, all) as it goes on.

        Returns:
            What was settled, and what is still pending or unknown.
        """
        follow_ecosystem()
        settler = self.background.settler()
        return self.background.export_after(lambda: settler.settle(progress))

    def watch(self, progress: Callable[[int, int], None] | None = None) -> "SettleReport":
        """Settle on the schedule, until nothing is pending."""
        follow_ecosystem()
        settler = self.background.settler()
        return self.background.export_after(lambda: settler.watch(progress))

    def export(self, *, every_entry: bool = False) -> "ExportReport":
        """Write the JSON files of the home and of every caller's folder, where they changed.

        Args:
            every_entry: write every log entry, not only the last 1,000.
        """
        from ledger.exchange.snapshots import export

        return export(self.books, self.settings.home, every_entry=every_entry)

    def report(self, by: str) -> "list[UsageRow]":
        """Totals by `day`, `month`, `caller` or `model`, oldest or first in the alphabet first."""
        from ledger.reports import queries

        return queries.usage(self.books, by)

    def requests(self) -> "Iterator[RequestStatus]":
        """Every request with its status and cost, oldest first."""
        from ledger.reports import queries

        return queries.requests(self.books)

    def show(self, request_id: str) -> "RequestStatus":
        """One request, by its id, the beginning of it, or its generation id.

        Raises:
            NotFoundInLedger: there is none.
        """
        from ledger.reports import queries

        return queries.request(self.books, request_id)

    def status(self) -> "Status":
        """Where the ledger is, where the key comes from, and what is open or pending."""
        from ledger.reports import status

        return status.status(self)

    def backup(self, path: str | os.PathLike[str]) -> Backup:
        """Copy the ledger while it is in use, verified.

        Raises:
            BackupFailed: the file exists, can't be written, or the copy does not verify.
        """
        return backup(self.books.path, Path(path))

    def upgrade(self) -> Upgrade:
        """Bring the books to the newest schema; a backup is made first."""
        return migrate.upgrade(self.books.target)

    def close(self) -> None:
        """Write what waits, and close files and connections. The worker gets 0.5 s to end."""
        self.background.stop()
        self._pool.close()
        self.books.close()
        self._is_open = False

    # --- wiring ---------------------------------------------------------------------------

    def _connect(self) -> None:
        self._pool = Pool()
        self._sync = RecordingTransport(self._pool, self.books.writer)
        self._async: AsyncRecordingTransport | None = None
        self._opening = threading.Lock()

    def _open(self) -> None:
        """Make the home and read who is known, once."""
        follow_ecosystem()
        with self._opening:
            if not self._is_open:
                self.desk.open()
                self.books.writer.write(self._register.learn)
                self._is_open = True

    def _get_response(self, frame: Any, *asked: Any) -> Reply:
        if not self._is_open:
            self._open()
        ask = self.desk.ask(frame, *asked)
        return flow.run(self._calls.call(ask), self.books.writer, self._sync)

    def _aget_response(self, frame: Any, *asked: Any) -> Coroutine[Any, Any, Reply]:
        if not self._is_open:
            try:
                self._open()
            except LedgerError as error:
                return _failing(error)
        if self._async is None:
            from ledger.calls.async_pool import AsyncPool

            self._async = AsyncRecordingTransport(AsyncPool(), self.books.writer)
        ask = self.desk.ask(frame, *asked)
        return flow.arun(self._calls.call(ask), self.books.writer, self._async)

    def _describe(self) -> Process:
        from ledger.books.process import describe

        try:
            record_host = self.desk.rules().record_host
        except ConfigInvalid:  # nobody can say, and the refusal that follows is to be booked
            record_host = False
        return describe(record_host=record_host)

    def _after(self, exchange: Exchange | None) -> None:
        """An exchange ended, or a call was refused: what may have cost is settled later."""
        outcome = exchange.outcome if exchange else None
        costs = outcome is not None and outcome.cost_grade != "not_charged"
        self.background.notice(outcome.generation_id if outcome and costs else None, clock.now())

    def _after_fork_in_child(self) -> None:
        """Connections belong to the parent; the child makes its own."""
        self._connect()


async def _failing(error: LedgerError) -> Reply:
    """What could not even begin fails where it is awaited, as everything else does."""
    raise error


def _after_fork_in_child() -> None:
    for ledger in _all_ledgers.snapshot():
        ledger._after_fork_in_child()  # noqa: SLF001 - of this very module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


_default: Ledger | None = None
_making = threading.Lock()


def default() -> Ledger:
    """The ledger of the module-level functions, made on first use from the environment."""
    global _default  # noqa: PLW0603 - the one default a process has
    if _default is None:
        with _making:
            if _default is None:
                _default = Ledger()
    return _default


def reset_default() -> None:
    """Close the default ledger; the next call makes one from the environment as it is then."""
    global _default
    with _making:
        ledger, _default = _default, None
    if ledger is not None:
        ledger.close()
