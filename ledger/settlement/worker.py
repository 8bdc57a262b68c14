"""The background worker of one ledger, as its calls see it: told in a microsecond, never raising.

The work itself is done in a thread, by `ledger.settlement.rounds`, which is loaded there.
"""

import atexit
import datetime as dt
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger import clock
from ledger.living import Living
from ledger.logs import log_once
from ledger.settlement.gate import Closed, Gate

if TYPE_CHECKING:
    from ledger.books.store import Lock
    from ledger.settlement.settler import Settler

Job = Callable[[bool], object]
"""Something to run where the books changed; told whether this is its last run."""

MakeSettler = Callable[[Gate], "Settler"]

STOP_S = 0.5
"""The longest that the end of a process waits for its worker."""

_all_workers: "Living[Worker]" = Living()

_REMEMBERED = 100_000
_FORK_PATIENCE_S = 10.0


class Life:
    """One thread's life, and what it shares with the rest of the process."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.wake = threading.Event()
        self.ending = threading.Event()
        self.ends_at = 0.0
        self.thread: threading.Thread | None = None


class Worker:
    """Settles this process's generations on the schedule, and runs jobs where something changed.

    Args:
        make_lock: makes the lock of the one worker at a time that also takes what ended
            processes left.
        make_settler: makes the settler, in the worker's thread.
        jobs: are run at most every 5 seconds when something changed, and at the end.
    """

    def __init__(
        self, make_lock: "Callable[[], Lock]", make_settler: MakeSettler, *jobs: Job
    ) -> None:
        self.make_lock = make_lock
        self.make_settler = make_settler
        self.jobs = jobs
        self._forget()
        _all_workers.add(self)

    def _forget(self) -> None:
        self.inbox: deque[tuple[str, dt.datetime]] = deque(maxlen=_REMEMBERED)
        self.is_changed = False
        self._life: Life | None = None
        self._starting = threading.RLock()  # a dropped stream may end in the middle of it
        self._held: Life | None = None

    def notice(self, generation_id: str | None, ended_at: dt.datetime) -> None:
        """A request ended. Whatever is beyond the memory of 100,000 ids is left to the books.

        Args:
            generation_id: the id to settle; None where nothing was charged.
            ended_at: when it ended.
        """
        if generation_id is not None:
            self.inbox.append((generation_id, ended_at))
        self.is_changed = True
        life = self._life
        if life is None:
            self._start()
        elif not life.wake.is_set():
            life.wake.set()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End the thread: it may finish what is due and run the jobs, within so many seconds."""
        with self._starting:
            life, self._life = self._life, None
        if life is None or life.thread is None:
            return
        life.ends_at = clock.monotonic() + timeout_s
        life.ending.set()
        life.wake.set()
        if life.thread is not threading.current_thread():
            life.thread.join(max(timeout_s, 0.0))
        life.gate.close()

    # --- forks ----------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Let the thread finish with the books; it stays out until the fork is over."""
        life = self._life
        self._held = life if life is not None and life.gate.hold(_FORK_PATIENCE_S) else None

    def after_fork_in_parent(self) -> None:
        """Let the thread go on."""
        life, self._held = self._held, None
        if life is not None:
            life.gate.release()

    def after_fork_in_child(self) -> None:
        """The parent's thread is not here, and the parent's generations are the parent's."""
        self._forget()

    # --- inside ---------------------------------------------------------------------------

    def _start(self) -> None:
        with self._starting:
            if self._life is not None:
                return
            life = Life()
            life.thread = threading.Thread(
                target=self._run, args=(life,), name="ledger-worker", daemon=True
            )
            try:
                life.thread.start()
            except RuntimeError:  # the interpreter is ending: the next process settles it
                return
            self._life = life

    def _run(self, life: Life) -> None:
        try:
            with life.gate:  # a fork in the middle of an import would leave the child half of it
                from ledger.settlement.rounds import Rounds

                rounds = Rounds(self, life)
            rounds.run()
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001 - a thread of ours prints no traceback
            log_once(
                f"settlement:{type(error).__name__}",
                logging.ERROR,
                "the background worker ended: %s",
                type(error).__name__,
            )


def _before_fork() -> None:
    for worker in _all_workers.snapshot():
        worker.before_fork()


def _after_fork_in_parent() -> None:
    for worker in _all_workers.snapshot():
        worker.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for worker in _all_workers.snapshot():
        worker.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    # Registered behind the books' own, so that it runs before theirs: no reader may be open.
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


def _at_exit() -> None:
    """All workers together get the time that one has."""
    ends_at = clock.monotonic() + STOP_S
    for worker in _all_workers.snapshot():
        worker.stop(ends_at - clock.monotonic())


atexit.register(_at_exit)
