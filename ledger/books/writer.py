"""The one way to write: a unit of work in one transaction, alone or with all that waits.

A lone thread writes directly. What cannot is queued, and one thread commits everything that
waits in one transaction. Rows go in on the driver's connection by statements rendered once;
what a step adds goes through a Session of the same transaction.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ledger import clock
from ledger.books import faults
from ledger.books.base import Table
from ledger.books.commit import commit_units
from ledger.books.sqlite_store import SqliteStore
from ledger.books.unit import AwaitedUnit, Unit, WaitedUnit, Work, tell_all
from ledger.errors import LedgerError
from ledger.settings import WRITE_PATIENCE_S


class Writer:
    """Every write to one database, in this process.

    Args:
        store: the writing connection.
        prepare: called before the first write, to make or upgrade the schema.
        prologue: makes the rows that go in with the first transaction (this process's own).
    """

    def __init__(
        self,
        store: SqliteStore,
        prepare: Callable[[], None],
        prologue: Callable[[], Sequence[Table]],
    ) -> None:
        self._store = store
        self._prepare: Callable[[], None] | None = prepare
        self._prologue = prologue
        self._start()

    def _start(self) -> None:
        self._is_first = True
        self._turn = threading.Lock()
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._checkpoint_due = False

    def write(self, *work: Work, patience_s: float = WRITE_PATIENCE_S) -> Any:
        """Commit rows and steps as one unit, and wait for it.

        Returns:
            What the last step returned, or None.

        Raises:
            LedgerUnavailable: the books can't be written; nothing of the unit is in them.
            LedgerBusy: another writer held them for `patience_s`.
        """
        unit = WaitedUnit(work)
        if self._queue.empty() and self._write_directly(unit, patience_s):
            return unit.outcome()
        self._enqueue(unit)
        if not unit.wait(patience_s):
            if unit.take():
                raise faults.busy(self._store.target.name, patience_s)
            unit.wait()
        return unit.outcome()

    async def awrite(self, *work: Work, patience_s: float = WRITE_PATIENCE_S) -> Any:
        """`write` for tasks: the loop goes on while the writer's thread commits.

        A cancelled task leaves its unit in the queue: what is posted later comes behind it.
        """
        import asyncio

        unit = AwaitedUnit(work, asyncio.get_running_loop())
        self._enqueue(unit)
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.shield(unit.future)
        except TimeoutError:
            if unit.take():
                raise faults.busy(self._store.target.name, patience_s) from None
            await unit.future
        return unit.outcome()

    def post(self, *work: Work) -> None:
        """Queue a unit and go on; a failure is logged. It comes behind all queued before."""
        self._enqueue(Unit(work))

    def checkpoint(self) -> tuple[int, int, int]:
        """Restart the write-ahead log now. Returns SQLite's (busy, in the log, copied)."""
        with self._turn:
            self._ready()
            self._store.lock.lock()
            try:
                return self._store.checkpoint()
            finally:
                self._store.lock.unlock()

    def close(self) -> None:
        """Write what waits, end the thread, close the connection."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._queue.put(None)
            thread.join()
        with self._turn:
            self._thread = None
            self._store.close()

    # --- forks ----------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Let a transaction end and keep the turn; no connection may cross the fork."""
        self._turn.acquire()
        self._store.close()

    def after_fork_in_parent(self) -> None:
        """Go on; the connection is opened anew when it is needed."""
        self._turn.release()

    def after_fork_in_child(self) -> None:
        """Start empty: rows queued in the parent stay the parent's."""
        self._start()

    # --- inside ---------------------------------------------------------------------------

    def _ready(self) -> None:
        if self._prepare is not None:
            self._prepare()
            self._prepare = None

    def _write_directly(self, unit: Unit, patience_s: float) -> bool:
        """Write now. False where somebody is in the way, in this process or another."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            try:
                self._ready()
                if not self._store.lock.try_lock():
                    return False
            except (LedgerError, OSError) as error:
                unit.error = faults.unavailable(error, self._store.target.name)
                return True
            try:
                self._commit([unit], patience_s)
            finally:
                self._store.lock.unlock()
        finally:
            self._turn.release()
        if self._checkpoint_due:
            self._enqueue(Unit(()))
        return True

    def _commit(self, units: list[Unit], patience_s: float) -> None:
        deadline = clock.monotonic() + patience_s
        prologue = self._prologue() if self._is_first else ()
        if commit_units(self._store, units, prologue, deadline):
            self._is_first = False
            self._checkpoint_due = self._store.wants_checkpoint()

    def _enqueue(self, unit: Unit) -> None:
        self._queue.put(unit)
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, args=(self._queue,), name="ledger-writer", daemon=True
                    )
                    self._thread.start()

    def _run(self, mine: "queue.SimpleQueue[Unit | None]") -> None:
        """The thread's life: wait for work, take the turn and the lock, commit all that waits."""
        ending = False
        while not ending and (first := mine.get()) is not None:
            with self._turn:
                if mine is not self._queue:  # a fork happened; this queue is history
                    return
                units = [first]
                try:
                    self._ready()
                    self._store.lock.lock()
                    ending = _drain(mine, units)
                    self._commit_waiting(units)
                except Exception as error:  # noqa: BLE001 - a waiter must never hang
                    for unit in units:
                        unit.error = unit.error or faults.unavailable(
                            error, self._store.target.name
                        )
                    tell_all(units)

    def _commit_waiting(self, units: list[Unit]) -> None:
        """Commit, wake the waiters, and only then tidy the log. The lock is held."""
        try:
            taken = [unit for unit in units if unit.take()]
            work = [unit for unit in taken if unit.rows or unit.steps]
            if work:
                self._commit(work, WRITE_PATIENCE_S)
            units.clear()
            tell_all(taken)
            if self._checkpoint_due:
                self._checkpoint_due = False
                self._store.checkpoint()
        finally:
            self._store.lock.unlock()


def _drain(waiting: "queue.SimpleQueue[Unit | None]", units: list[Unit]) -> bool:
    """Add everything that waits by now. True where the end was asked for."""
    while True:
        try:
            unit = waiting.get_nowait()
        except queue.Empty:
            return False
        if unit is None:
            return True
        units.append(unit)
