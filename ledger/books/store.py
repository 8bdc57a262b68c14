"""What the writer needs of an engine: its one writing connection, and a turn between processes."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from ledger.books.base import Table
from ledger.books.statements import Statements
from ledger.books.target import Target


class Lock(Protocol):
    """An exclusive lock between processes, kept until it is given back or its holder ends."""

    def try_lock(self) -> bool:
        """Take the lock if nobody else holds it; True too where it is ours already."""
        ...

    def close(self) -> None:
        """Give it back, and let go of what it needs."""
        ...


class Turn(Lock, Protocol):
    """The lock that is a writer's turn."""

    def lock(self) -> None:
        """Wait in the queue until it is ours."""
        ...

    def unlock(self) -> None:
        """Let the next in line go on."""
        ...


class Store(Protocol):
    """The one connection that writes. Only the thread that has the writer's turn may use it."""

    target: Target
    connection: Connection | None

    @property
    def lock(self) -> Turn:
        """The queue of writers across processes."""
        ...

    @property
    def statements(self) -> Statements:
        """The engine's INSERTs."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also one that can only be undone."""
        ...

    def open(self) -> Any:
        """The driver's connection, opened if need be."""
        ...

    def close(self) -> None:
        """Close everything; the next use opens it anew."""
        ...

    def execute(self, sql: str, params: Any = ()) -> Any:
        """Run a statement on the driver's connection."""
        ...

    @property
    def engine(self) -> str:
        """The engine's name."""
        ...

    def run(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement with `?` for each value, and take its rows."""
        ...

    def look(self, question: str) -> Any:
        """One value of what is changed by those only that are `alone`; till the end, by nobody."""
        ...

    def alone(self) -> None:
        """Wait for every transaction that looked; later ones wait for this one."""
        ...

    def begin(self, patience_s: float, *, reads: bool) -> None:
        """Begin a write.

        Args:
            patience_s: how long others' locks are waited for.
            reads: what is written depends on what is read in the same transaction: nobody
                else's such transaction may come in between.

        Raises:
            LedgerBusy: another held the books for that long.
        """
        ...

    def commit(self) -> None:
        """Make it durable."""
        ...

    def rollback(self) -> None:
        """Undo what is open, if anything is."""
        ...

    def recover(self, error: BaseException) -> None:
        """After a fault: close what can't be used any more."""
        ...

    def stands_after(self, error: BaseException) -> bool:
        """Whether a transaction can go on from its last savepoint after this error."""
        ...

    def was_committed(self, first: Table | None, until: float) -> bool:
        """Whether the transaction that just failed is in the books all the same.

        Args:
            first: the first row that it inserted.
            until: how long, on the monotonic clock, a lost server is waited for.

        Raises:
            LedgerUnavailable: nobody can say by then.
        """
        ...

    def pause_to_retry(self, error: BaseException, tries: int, until: float) -> bool:
        """Wait a little where the same transaction may go through when it is run again.

        Args:
            error: what it failed with.
            tries: how often it was tried.
            until: the monotonic time at which patience ends.

        Returns:
            False where it is to be given up.
        """
        ...

    def wants_checkpoint(self) -> bool:
        """After a commit: whether the log is to be tidied soon."""
        ...

    def tidy(self) -> None:
        """Tidy the log; a failure loses nothing."""
        ...

    def compact(self) -> bool:
        """Write anew what holds purged rows still. False where a reader was in the way."""
        ...

    def checkpoint(self) -> tuple[int, int, int]:
        """Tidy the log now. Returns SQLite's (busy, in the log, copied)."""
        ...
