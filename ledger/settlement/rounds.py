"""The worker's thread: rounds of settling what is due, adopting what was left, running jobs."""

import datetime as dt
import heapq
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from ledger import clock
from ledger.books.ids import floor_at
from ledger.books.process import is_alive
from ledger.errors import LedgerError
from ledger.logs import log_once
from ledger.settlement import pending as waiting
from ledger.settlement.fetch import Fetched
from ledger.settlement.gate import Closed
from ledger.settlement.pending import Pending
from ledger.settlement.worker import Life, Worker

_TICK_S = 1.0
_SHORTEST_S = 0.01
_PAUSE_BETWEEN_S = 0.25
_ADOPT_EVERY_S = 60.0
_JOBS_EVERY_S = 5.0
_PAUSE_S = 60.0
# Of what a process has at its end, the jobs need this much.
_FOR_JOBS_S = 0.2
# After its first look at everything, a worker looks only at what is this recent.
_RECENT = dt.timedelta(hours=48)
# By now a living process would have settled or given up what is its own.
_NOT_LOOKED_AFTER = dt.timedelta(hours=2)


class Rounds:
    """What one thread knows: which generations are due when, and whether it may adopt.

    Args:
        worker: whose inbox and jobs these are.
        life: tells when to wake and when to end.
    """

    def __init__(self, worker: Worker, life: Life) -> None:
        self._worker = worker
        self._life = life
        self._settler = worker.make_settler(life.gate)
        self._due: list[tuple[dt.datetime, str]] = []
        self._known: set[str] = set()
        # Answers without an end whose process is gone: nothing more will come of them.
        self._broken: set[str] = set()
        self._lock = worker.make_lock()
        self._adopt_at = self._jobs_at = self._ask_at = 0.0
        self._has_looked = False

    def run(self) -> None:
        """Round after round, until the end is asked for; then what is due, and the jobs."""
        life = self._life
        try:
            while not life.ending.is_set():
                self._guarded(self._round)
                self._wait()
            self._guarded(self._last_round)
        finally:
            self._settler.close()
            self._lock.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Nothing that goes wrong ends the thread: it is said once a kind, and pauses it."""
        try:
            work()
        except Closed:
            raise
        except Exception as error:  # noqa: BLE001 - the next round may fare better
            _say("settlement", error)
            self._ask_at = self._adopt_at = clock.monotonic() + _PAUSE_S

    def _round(self) -> None:
        self._life.wake.clear()
        self._take_inbox()
        if clock.monotonic() >= self._adopt_at:
            self._adopt_at = clock.monotonic() + _ADOPT_EVERY_S
            self._worker.is_changed = True  # by other processes, perhaps
            self._adopt()
        while not self._life.ending.is_set() and self._try_next():
            self._life.ending.wait(_PAUSE_BETWEEN_S)
            self._run_jobs()
        self._run_jobs()

    def _last_round(self) -> None:
        """Until the end's deadline: what is due now, then the jobs. No 404 is waited for."""
        if not self._has_looked:
            self._take_inbox()
            self._adopt()
        while clock.monotonic() < self._life.ends_at - _FOR_JOBS_S and self._try_next():
            pass
        self._jobs_at = 0.0
        self._run_jobs(at_once=True)

    def _wait(self) -> None:
        """Until something is due; a call's end wakes early, but no more than once a tick."""
        now = clock.monotonic()
        left = [self._adopt_at - now]
        if self._worker.is_changed:
            left.append(self._jobs_at - now)
        if self._due:
            due_s = (self._due[0][0] - clock.now()).total_seconds()
            left.append(max(due_s, self._ask_at - now))
        if self._life.wake.wait(max(min(left), _SHORTEST_S)):
            self._life.ending.wait(min(_TICK_S, self._settler.schedule.tries_s[0]))

    # --- what is due ----------------------------------------------------------------------

    def _take_inbox(self) -> None:
        inbox = self._worker.inbox
        with suppress(IndexError):
            while True:
                generation_id, ended_at = inbox.popleft()
                due = self._settler.schedule.next_due(ended_at, 0, None)
                self._put(generation_id, due or ended_at)

    def _put(self, generation_id: str, due: dt.datetime) -> None:
        if generation_id not in self._known:
            self._known.add(generation_id)
            heapq.heappush(self._due, (due, generation_id))

    def _try_next(self) -> bool:
        """Ask for the generation that is due longest; False where none is, or none can be had."""
        if clock.monotonic() < self._ask_at or not self._due or self._due[0][0] > clock.now():
            return False
        _, generation_id = heapq.heappop(self._due)
        self._known.discard(generation_id)
        try:
            return self._try(generation_id)
        except Exception:
            self._put(generation_id, clock.now())
            raise

    def _try(self, generation_id: str) -> bool:
        """Ask, unless somebody else did meanwhile. False where none can be had now."""
        each = self._as_booked(generation_id)
        if each is None:
            return True
        due = self._due_of(each)
        if due > clock.now():
            self._put(generation_id, due)
            return True
        return self._ask(each)

    def _as_booked(self, generation_id: str) -> Pending | None:
        """The generation as it is now, unless it is settled, given up, or not asked for here."""
        found = self._settler.pending(generation_id)
        return found[0] if found and self._settler.is_ours(found[0]) else None

    def _ask(self, each: Pending) -> bool:
        tried = self._settler.settle_one(each)
        self._worker.is_changed = True
        if tried.result not in ("settled", "given_up"):
            tried_now = replace(each, attempts=each.attempts + 1, last_attempt_at=clock.now())
            self._put(each.generation_id, self._due_of(tried_now))
        if tried.fetched.kind == "stop":
            self._hold_off(tried.fetched)
            return False
        return tried.result != "not_ready" or not self._life.ending.is_set()

    def _hold_off(self, stopped: Fetched) -> None:
        """Ask nothing for a while: no other generation could be had either."""
        self._ask_at = clock.monotonic() + (stopped.retry_after_s or _PAUSE_S)
        log_once(
            f"settlement:{stopped.http_status}",
            logging.WARNING,
            "settlement in the background pauses: %s",
            stopped.error,
        )

    # --- what others left -----------------------------------------------------------------

    def _adopt(self) -> None:
        """Where no other worker does: take what ended processes left."""
        if not self._lock.try_lock():
            self._has_looked = True
            return
        since = None
        if self._has_looked:
            since = floor_at(int((clock.now() - _RECENT).timestamp() * 1000))
        left = [each for each in self._settler.pending(since_id=since) if self._is_new(each)]
        living = self._living({each.process_id for each in left})
        old = clock.now() - _NOT_LOOKED_AFTER
        for each in left:
            if each.process_id not in living or each.since < old:
                if each.is_open and each.process_id != self._settler.books.process.id:
                    self._broken.add(each.generation_id)
                self._put(each.generation_id, self._due_of(each))
        self._has_looked = True

    def _due_of(self, each: Pending) -> dt.datetime:
        """When to ask next. What broke off with its process needs no wait for its deadline."""
        if each.generation_id not in self._broken:
            return self._settler.due(each)
        return self._settler.schedule.retry_at(each.started_at, each.attempts, each.last_attempt_at)

    def _is_new(self, each: Pending) -> bool:
        return each.generation_id not in self._known and self._settler.is_ours(each)

    def _living(self, ids: set[str]) -> set[str]:
        """Which of these processes may still run and look after their own; this one aside."""
        books = self._settler.books
        with self._life.gate, books.read() as connection:
            rows = list(waiting.processes(connection, ids - {books.process.id}))
        return {row.id for row in rows if is_alive(row)}

    # --- jobs -----------------------------------------------------------------------------

    def _run_jobs(self, *, at_once: bool = False) -> None:
        worker = self._worker
        if not worker.is_changed or clock.monotonic() < self._jobs_at:
            return
        self._jobs_at = clock.monotonic() + _JOBS_EVERY_S
        worker.is_changed = False
        for job in worker.jobs:
            with self._life.gate:
                try:
                    job(at_once)
                except Exception as error:  # noqa: BLE001 - a job's failure is no settlement's
                    self._jobs_at = clock.monotonic() + _PAUSE_S
                    _say("a job", error)


def _say(what: str, error: Exception) -> None:
    """One line for each kind of error; one of ours says what to do, any other may hold anything."""
    log_once(
        f"worker:{what}:{type(error).__name__}",
        logging.WARNING,
        "%s in the background pauses: %s",
        what,
        str(error) if isinstance(error, LedgerError) else type(error).__name__,
    )
