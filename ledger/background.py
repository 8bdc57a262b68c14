"""What a ledger does by itself beside the calls: settling on the schedule, and exporting."""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger import clock
from ledger.books.books import Books
from ledger.calls.admission import Desk
from ledger.errors import LedgerError
from ledger.logs import logger

if TYPE_CHECKING:
    from ledger.exchange.background import AutoExporter
    from ledger.settlement.gate import Gate
    from ledger.settlement.settler import Settler, SettleReport
    from ledger.settlement.worker import Worker

# What is not folded is read from the raw rows: a fold never keeps anybody waiting for long.
_FOLD_EVERY_S, _FOLD_S, _LAST_FOLD_S = 60.0, 2.0, 0.1


class Background:
    """The worker of one ledger and its jobs, made when there is first something to do.

    Args:
        books: whose ids are settled.
        desk: knows the key and the base URL.
        home: whose JSON files are kept up to date.
        is_on: False makes no worker at all.
    """

    def __init__(self, books: Books, desk: Desk, home: Path, *, is_on: bool) -> None:
        self._books = books
        self._desk = desk
        self._home = home
        self._is_on = is_on
        self._making = threading.RLock()  # a dropped stream may end in the middle of it
        self._worker: Worker | None = None
        self._exporter: AutoExporter | None = None
        self._fold_at = clock.monotonic() + _FOLD_EVERY_S

    def settler(self, gate: "Gate | None" = None) -> "Settler":
        """What asks the provider for its records."""
        from ledger.settlement.settler import Settler

        return Settler(self._books, self._desk, gate=gate)

    def notice(self, generation_id: str | None, ended_at: datetime) -> None:
        """Something was booked; an id, if given, is to be settled. Costs next to nothing."""
        if not self._is_on:
            return
        if self._worker is None:
            from ledger.settlement.worker import Worker

            with self._making:
                if self._worker is None:
                    jobs = (self._fold, self._export)
                    self._worker = Worker(self._books.worker_lock, self.settler, *jobs)
        self._worker.notice(generation_id, ended_at)

    def export_after(self, settle: "Callable[[], SettleReport]") -> "SettleReport":
        """Settle, then write what changed; what was settled is settled, also if that fails."""
        report = settle()
        try:
            self.fold()
            self._export(at_once=True)
        except LedgerError as error:
            logger.error("settled, but the JSON files could not be written: %s", error)
        return report

    def fold(self) -> None:
        """Bring the sums that reports read up to the facts, as far as a moment allows."""
        from ledger.books import rollups

        rollups.freshen(self._books)

    def _fold(self, at_once: bool) -> None:  # noqa: FBT001 - a job of the worker
        """Once a minute, and at the end: quarters of an hour don't end more often."""
        from ledger.books import rollups

        if at_once:
            rollups.fold(self._books, seconds=_LAST_FOLD_S)
        elif clock.monotonic() >= self._fold_at:
            self._fold_at = clock.monotonic() + _FOLD_EVERY_S
            rollups.fold(self._books, seconds=_FOLD_S)

    def stop(self) -> None:
        """Let the worker end what it does; it gets half a second."""
        if self._worker is not None:
            self._worker.stop()

    def _export(self, at_once: bool) -> None:  # noqa: FBT001 - a job of the worker
        from ledger.exchange.background import AutoExporter

        if self._exporter is None:
            self._exporter = AutoExporter(self._books, self._home)
        self._exporter.run(at_once=at_once)
