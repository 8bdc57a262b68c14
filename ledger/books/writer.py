"""The one way to write: a unit of work in one transaction, alone or with all that waits.

A lone thread writes directly. What cannot is queued, and one thread commits everything that
waits in one transaction. Rows go in on the driver's connection by statements rendered once;
what a step adds goes through a Session of the same transaction.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ledger.books import faults
from ledger.books.base import Table
from ledger.books.commit import commit_units
from ledger.books.store import Store
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
        store: Store,
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
        # What waits is taken only by who has the turn, so nothing overtakes it; the thread
        # sleeps on its wake, which tells it to look (True) or to end (False).
        self._waiting: deque[Unit] = deque()
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Reentrant: the garbage collector may close a stream, and so post, while it is held.
        self._starting = threading.RLock()
        self._closing = threading.Lock()
        self._checkpoint_due = False

    def write(self, *work: Work, patience_s: float = WRITE_PATIENCE_S) -> Any:
        """Commit rows and steps as one unit, and wait for it.

        Returns:
            What the last step returned, or None.

        Raises:
            LedgerUnavailable: the books can't be written; nothing of the unit is in them.
            LedgerBusy: another writer held them for `patience_s`.
        """
        direct = Unit(work)
        if not self._waiting and self._write_directly(direct, patience_s):
            return direct.outcome()
        unit = WaitedUnit(work)
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

    def flush(self, seconds: float) -> None:
        """Wait until what was posted is decided, for so many seconds at most."""
        if self._thread is not None:
            unit = WaitedUnit(())
            self._enqueue(unit)
            unit.wait(seconds)

    def checkpoint(self) -> tuple[int, int, int]:
        """Restart the write-ahead log now. Returns SQLite's (busy, in the log, copied)."""
        with self._turn:
            self._ready()
            self._store.lock.lock()
            try:
                return self._store.checkpoint()
            finally:
                self._store.lock.unlock()

    def compact(self) -> bool:
        """Write the file anew without what was deleted, and empty its log.

        Returns:
            Whether no byte of it is left; False where a reader was in the way.

        Raises:
            LedgerUnavailable: it can't be done.
        """
        with self._turn:
            self._ready()
            self._store.lock.lock()
            try:
                return self._store.compact()
            except Exception as error:
                raise faults.unavailable(error, self._store.target.name) from error
            finally:
                self._store.lock.unlock()

    def close(self) -> None:
        """Write what waits, end the thread, close the connection."""
        with self._closing:
            with self._starting:
                thread, self._thread = self._thread, None
            if thread is not None:
                self._wake.put(False)
                if thread is not threading.current_thread():
                    thread.join()
            with self._turn:
                if self._waiting:  # came while the thread was ending
                    self._commit_waiting(self._waiting)
                self._store.close()
            if self._waiting:  # came while this was closing: who closes no more has a writer
                self._ensure_thread()

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
            if self._waiting:
                return False
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

    def _commit(self, units: list[Unit], patience_s: float) -> bool:
        """Commit; False where nothing was, and the lock may be gone with the connection."""
        prologue = self._prologue() if self._is_first else ()
        if not commit_units(self._store, units, prologue, patience_s):
            return False
        self._is_first = False
        self._checkpoint_due = self._store.wants_checkpoint()
        return True

    def _enqueue(self, unit: Unit) -> None:
        self._waiting.append(unit)
        self._wake.put(True)
        if self._thread is None:
            self._ensure_thread()

    def _ensure_thread(self) -> None:
        with self._starting:
            wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
            wake.put(True)
            thread = threading.Thread(
                target=self._run, args=(self._waiting, wake), name="ledger-writer", daemon=True
            )
            if self._thread is None:  # looked at last: making a thread may have started another
                self._thread, self._wake = thread, wake
                thread.start()

    def _run(self, waiting: deque[Unit], wake: "queue.SimpleQueue[bool]") -> None:
        """The thread's life: wait for work, take the turn and the lock, commit all that waits."""
        while wake.get():
            if not waiting:
                continue
            with self._turn:
                if waiting is not self._waiting:  # a fork happened; this queue is history
                    return
                self._commit_waiting(waiting)

    def _commit_waiting(self, waiting: deque[Unit]) -> None:
        """Commit all that waits, wake the waiters, and only then tidy the log."""
        units: list[Unit] = []
        try:
            self._open_or_fail(waiting)
            try:
                _drain(waiting, units)
                work = [unit for unit in units if unit.rows or unit.steps or unit.guarded]
                done = self._commit(work, WRITE_PATIENCE_S) if work else True
                told, units = units, []
                tell_all(told)
                if done and self._checkpoint_due:
                    self._checkpoint_due = False
                    self._store.tidy()
            finally:
                self._store.lock.unlock()
        except BaseException as error:  # noqa: BLE001 - a waiter must never hang
            self._fail(units, error)

    def _open_or_fail(self, waiting: deque[Unit]) -> None:
        """Make ready and take the lock; where that fails, it has failed for all that waits."""
        try:
            self._ready()
            self._store.lock.lock()
        except BaseException as error:
            units: list[Unit] = []
            _drain(waiting, units)
            self._fail(units, error)
            raise

    def _fail(self, units: list[Unit], error: BaseException) -> None:
        for unit in units:
            unit.error = unit.error or faults.unavailable(error, self._store.target.name)
        tell_all(units)


def _drain(waiting: deque[Unit], units: list[Unit]) -> None:
    """Move over everything that waits by now."""
    while waiting:
        units.append(waiting.popleft())
