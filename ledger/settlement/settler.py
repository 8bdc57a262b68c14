"""The settler: asks the provider for each pending generation, and books what it says."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sqlmodel import col, select

from ledger import clock
from ledger.books.books import Books
from ledger.books.models import Generation, SettlementAttempt
from ledger.books.unit import Transaction
from ledger.calls.admission import Desk
from ledger.calls.pool import Pool
from ledger.limits import counting
from ledger.settlement import pending as waiting
from ledger.settlement.booking import generation_row
from ledger.settlement.fetch import OF_THE_ACCOUNT, Access, Fetched, fetch
from ledger.settlement.pending import Pending, Unknown
from ledger.settlement.schedule import DEFAULT, Schedule

Progress = Callable[[int, int], None]

_TICK_S = 1.0
_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class SettleReport:
    """What a round of settlement did, and what is left.

    Attributes:
        settled: generations booked.
        not_ready: ids that the provider did not know (yet).
        failed: ids whose record could not be had now.
        given_up: ids whose schedule is over: their requests' cost stays unknown.
        skipped: ids made at another base URL: the key is sent to no host that a row names.
        pending: what still waits, oldest first.
        unknown: requests that nobody can be asked for.
        stopped: why the round ended early; None where it didn't.
        retry_after_s: seconds that the provider asked to wait, where it did.
    """

    settled: int = 0
    not_ready: int = 0
    failed: int = 0
    given_up: int = 0
    skipped: int = 0
    pending: tuple[Pending, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    stopped: str | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One try: what came, and what was booked of it (a `settlement_attempt` result)."""

    fetched: Fetched
    result: str


class Settler:
    """Settles the generations of one ledger, one after the other.

    Args:
        books: where they are booked.
        desk: knows the key and the base URL.
        schedule: when ids are due, and when they are given up.
        gate: held while the books are read or written; it may refuse by raising.
    """

    def __init__(
        self,
        books: Books,
        desk: Desk,
        schedule: Schedule = DEFAULT,
        gate: AbstractContextManager[object] | None = None,
    ) -> None:
        self.books = books
        self.desk = desk
        self.schedule = schedule
        self._gate = gate or nullcontext()
        self._pool = Pool(max_connections=1)

    def settle(self, progress: Progress | None = None) -> SettleReport:
        """Ask once, now, for every pending generation, oldest first.

        Args:
            progress: called with (done, all).

        Raises:
            LedgerUnavailable: the books can't be read or written.
            KeyMissing, KeyInvalid, ConfigInvalid: there is something to ask and no way to.
        """
        counts = Counter[str]()
        try:
            mine, skipped = self._askable(self.pending())
            stopped = self._round(mine, counts, progress)
        finally:
            self.close()
        return self._report(counts, skipped, stopped)

    def watch(
        self, progress: Progress | None = None, stop: threading.Event | None = None
    ) -> SettleReport:
        """Settle on the schedule until nothing that can be asked for is pending.

        Args:
            progress: called with (done, all) as generations are settled or given up.
            stop: ends it early once set.

        Raises:
            As `settle`.
        """
        stop = stop or threading.Event()
        counts, skipped, stopped = Counter[str](), 0, None
        try:
            while True:
                mine, skipped = self._askable(self.pending())
                over = counts["settled"] + counts["given_up"]
                if progress is not None:
                    progress(over, over + len(mine))
                if not mine or stop.is_set():
                    break
                now = clock.now()
                stopped = self._round(
                    [each for each in mine if self.due(each) <= now], counts, stop=stop
                )
                if stopped is not None and stopped.http_status in OF_THE_ACCOUNT:
                    break
                stop.wait(self._wait_s(mine, stopped))
        finally:
            self.close()
        return self._report(counts, skipped, stopped)

    def settle_one(self, each: Pending, access: Access | None = None) -> Tried:
        """Ask once for one generation and book what came, record and attempt in one unit.

        Raises:
            As `settle`.
        """
        access = access or self.access()
        fetched = fetch(self._pool, access, each.generation_id)
        result = self._result(each, access, fetched)
        with self._gate:
            self.books.writer.write(self._book(each, fetched, result))
        return Tried(fetched, result)

    def pending(
        self, generation_id: str | None = None, since_id: str | None = None
    ) -> list[Pending]:
        """What waits, oldest first; see `ledger.settlement.pending`."""
        with self._gate, self.books.read() as connection:
            return waiting.pending(connection, generation_id=generation_id, since_id=since_id)

    def due(self, each: Pending) -> dt.datetime:
        """When a generation is to be asked for next."""
        return self.schedule.retry_at(each.since, each.attempts, each.last_attempt_at)

    def access(self) -> Access:
        """The base URL and the key that count now.

        Raises:
            KeyMissing, KeyInvalid, ConfigInvalid: as their names say.
        """
        rules = self.desk.rules()
        return Access(self.desk.base_url(rules), *self.desk.key(rules))

    def is_ours(self, each: Pending) -> bool:
        """Whether a generation was made at the base URL of now."""
        return each.base_url == self.desk.base_url(self.desk.rules())

    def close(self) -> None:
        """Close the connection to the provider; it is opened again when it is needed."""
        self._pool.close()

    # --- inside ---------------------------------------------------------------------------

    def _askable(self, found: list[Pending]) -> tuple[list[Pending], int]:
        """What may be asked for here, and how many may not."""
        mine = [each for each in found if self.is_ours(each)]
        return mine, len(found) - len(mine)

    def _round(
        self,
        some: list[Pending],
        counts: Counter[str],
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> Fetched | None:
        """Try each once, until an answer says that none can be had; that answer, or None."""
        access = self.access() if some else None
        if progress is not None:
            progress(0, len(some))
        for done, each in enumerate(some, 1):
            if stop is not None and stop.is_set():
                break
            tried = self.settle_one(each, access)
            counts[tried.result] += 1
            if progress is not None:
                progress(done, len(some))
            if tried.fetched.kind == "stop":
                return tried.fetched
        return None

    def _wait_s(self, mine: list[Pending], stopped: Fetched | None) -> float:
        """Seconds until something is due again, or the provider may be asked again."""
        if stopped is not None:
            return float(stopped.retry_after_s or _PAUSE_S)
        soonest = min(self.due(each) for each in mine)
        return min(max((soonest - clock.now()).total_seconds(), 0.0), _TICK_S)

    def _result(self, each: Pending, access: Access, fetched: Fetched) -> str:
        """What to book: an id is given up once its schedule is over and the answer is about it."""
        if fetched.kind == "stop":
            return "failed"
        if not fetched.is_final:
            return fetched.kind
        now = clock.now()
        over = self.schedule.next_due(each.since, each.attempts + 1, now) is None
        # Another account's key finds nothing either, so that alone doesn't end it early.
        if each.key_hash not in (None, access.key_hash):
            over = over and self.schedule.is_over(each.since, now)
        return "given_up" if over else fetched.kind

    def _book(self, each: Pending, fetched: Fetched, result: str) -> Callable[[Transaction], None]:
        """A step: the attempt, and the record unless another settler was faster."""
        process_id = self.books.process.id
        attempt = SettlementAttempt(
            process_id=process_id,
            request_id=each.request_id,
            generation_id=each.generation_id,
            at=clock.now(),
            result=result,
            http_status=fetched.http_status,
            error=fetched.error,
        )
        row: Generation | None = None
        if fetched.record is not None and fetched.cost_text is not None:
            row = generation_row(fetched.record, fetched.cost_text, process_id)

        def step(transaction: Transaction) -> None:
            if row is None or _is_booked(transaction, each.generation_id):
                transaction.add(attempt)
            else:
                counting.learnt(transaction, row, attempt)

        return step

    def _report(self, counts: Counter[str], skipped: int, stopped: Fetched | None) -> SettleReport:
        with self._gate, self.books.read() as connection:
            left = tuple(waiting.pending(connection))
            unknown = tuple(waiting.unknown(connection))
        return SettleReport(
            **counts,
            skipped=skipped,
            pending=left,
            unknown=unknown,
            stopped=stopped.error if stopped else None,
            retry_after_s=stopped.retry_after_s if stopped else None,
        )


def _is_booked(transaction: Transaction, generation_id: str) -> bool:
    query = select(Generation.id).where(col(Generation.generation_id) == generation_id)
    return transaction.connection.execute(query).first() is not None
