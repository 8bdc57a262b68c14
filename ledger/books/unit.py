"""A unit of work: rows, or steps that read and write, committed whole or not at all."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ledger.books.base import Table
from ledger.logs import logger

if TYPE_CHECKING:
    import asyncio

    from sqlalchemy import Connection


class Transaction(Protocol):
    """What a step sees of the transaction that it runs in."""

    @property
    def connection(self) -> "Connection":
        """The SQLAlchemy connection of this transaction, for reading."""
        ...

    @property
    def engine(self) -> str:
        """The engine's name: `sqlite` or `postgresql`."""
        ...

    def run(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement on the driver's connection, `?` for each value, and take its rows.

        For a read in the middle of a call, and for rollups: facts are inserted.
        """
        ...

    def look(self, question: str) -> Any:
        """One value, of what `alone` protects: nobody changes it before this transaction ends."""
        ...

    def alone(self) -> None:
        """Wait for every transaction that looked; later ones wait for this one."""
        ...

    def insert(self, *rows: Table) -> None:
        """Insert rows on the driver's connection."""
        ...

    def add(self, *rows: Table) -> None:
        """Insert rows through a Session."""
        ...


Step = Callable[[Transaction], Any]


class Guard(Protocol):
    """Looks, once a transaction, whether the rows that pass it need more than to be inserted."""

    question: str

    def watches(self, transaction: Transaction, answer: Any, passing: "Sequence[Guarded]") -> bool:
        """Whether their steps are to be run.

        Args:
            transaction: theirs.
            answer: what `question` selects now.
            passing: everything guarded in it.
        """
        ...


class Guarded:
    """Rows that go in as they are, together with others', while their guard sees to nothing.

    Else the step is run, which inserts them too.
    """

    rows: tuple[Table, ...]
    guard: Guard

    def rollups(self) -> Iterable[str]:
        """The rollup rows that the step will change: where that matters, all are kept first."""
        raise NotImplementedError

    def step(self, transaction: Transaction) -> Any:
        """Insert the rows, and whatever the guard wants to see done beside."""
        raise NotImplementedError

    def run(self, transaction: Transaction) -> Any:
        """Do it in the middle of another step."""
        answer = transaction.look(self.guard.question)
        if self.guard.watches(transaction, answer, [self]):
            return self.step(transaction)
        return transaction.insert(*self.rows)


Work = Table | Step | Guarded


class Unit:
    """Work and its fate."""

    def __init__(self, work: Sequence[Work]) -> None:
        self.guarded = [item for item in work if isinstance(item, Guarded)]
        self.rows: list[Table] = []
        self.steps: list[Step] = []
        self._work = work
        self.arm(is_watched=False)
        self.result: Any = None
        self.error: BaseException | None = None

    def arm(self, *, is_watched: bool) -> None:
        """Tell what guarded work comes to: its rows, or its step where it is watched."""
        self.rows, self.steps = [], []
        for item in self._work:
            if isinstance(item, Table):
                self.rows.append(item)
            elif not isinstance(item, Guarded):
                self.steps.append(item)
            elif is_watched:
                self.steps.append(item.step)
            else:
                self.rows.extend(item.rows)

    def take(self) -> bool:
        """Own this unit; False where somebody else does: here, nobody else can."""
        return True

    def outcome(self) -> Any:
        """The last step's result, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.result

    def _what(self) -> str:
        """The rows by table and id; a step's are not known."""
        rows = [*self.rows, *(row for each in self.guarded for row in each.rows)]
        named = dict.fromkeys(f"{row.__tablename__} {getattr(row, 'id', None)}" for row in rows)
        return ", ".join(named) or "a record"

    def tell(self) -> None:
        """The fate is decided. Nobody waits for a posted unit, so a failure is logged."""
        if self.error is not None:
            logger.error("%s could not be booked: %s", self._what(), self.error)


class _SharedUnit(Unit):
    """A unit that its waiter may give up: whoever takes it first, writer or waiter, owns it."""

    def __init__(self, work: Sequence[Work]) -> None:
        super().__init__(work)
        self._owner = threading.Lock()

    def take(self) -> bool:
        """Own this unit; False where somebody else does."""
        return self._owner.acquire(blocking=False)


class WaitedUnit(_SharedUnit):
    """A unit that a thread waits for."""

    def __init__(self, work: Sequence[Work]) -> None:
        super().__init__(work)
        self._done = threading.Lock()
        self._done.acquire()

    def tell(self) -> None:
        """Wake the waiting thread."""
        self._done.release()

    def wait(self, seconds: float = -1) -> bool:
        """Whether the unit was decided in that time; no limit if none is given."""
        return self._done.acquire(timeout=seconds)


class AwaitedUnit(_SharedUnit):
    """A unit that a task waits for."""

    def __init__(self, work: Sequence[Work], loop: "asyncio.AbstractEventLoop") -> None:
        super().__init__(work)
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()

    def resolve(self) -> None:
        """Wake the waiting task. Runs in its loop."""
        if not self.future.done():
            self.future.set_result(None)
        elif self.error is not None:  # a cancelled task's unit: nobody else will say so
            super().tell()


def tell_all(units: Iterable[Unit]) -> None:
    """Wake everyone whose unit is decided; each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[AwaitedUnit]] = {}
    for unit in units:
        if isinstance(unit, AwaitedUnit):
            loops.setdefault(unit.loop, []).append(unit)
        else:
            unit.tell()
    for loop, waiting in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, waiting)
        except RuntimeError:  # the loop was closed while its task's unit was in the queue
            for unit in waiting:
                Unit.tell(unit)


def _resolve_all(units: list[AwaitedUnit]) -> None:
    for unit in units:
        unit.resolve()
