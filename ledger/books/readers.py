"""Reading connections, each known while it is open, so that none crosses a fork.

A connection that a child inherits makes SQLite believe that the child holds the parent's
locks: when the parent closes its own, the child's rows are lost without an error.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ledger.books import faults
from ledger.books.engine import reader_engine
from ledger.books.target import Target
from ledger.errors import LedgerUnavailable

# A fork waits this long for the reads of other threads, then ends them.
_FORK_PATIENCE_S = 5.0


@dataclass(eq=False, slots=True)
class _Read:
    """One read: whose it is, its connection, and whether a fork has ended it."""

    thread: int = field(default_factory=threading.get_ident)
    connection: Connection | None = None
    is_cut: bool = False


class Readers:
    """The readers of one database, in this process."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._engine: Engine | None = None
        self._start()

    def _start(self) -> None:
        self._changed = threading.Condition()
        self._open: set[_Read] = set()
        self._is_forking = False

    @property
    def are_open(self) -> bool:
        """Whether there was a read since the start or the last `close`."""
        return self._engine is not None

    @contextlib.contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection that sees one state of the books and cannot change it.

        Raises:
            LedgerUnavailable: the books can't be read, or this process forked in mid-read.
        """
        read = _Read()
        with self._changed:
            self._changed.wait_for(lambda: not self._is_forking)
            self._open.add(read)
            engine = self._engine = self._engine or reader_engine(self._target)
        try:
            with engine.connect() as connection:
                read.connection = connection
                yield connection
        except SQLAlchemyError as error:
            if read.is_cut:
                raise LedgerUnavailable(
                    f"A read of the ledger at {self._target.name} was ended by a fork.",
                    hint="Fork before or after a read, not in the middle of one.",
                ) from error
            if isinstance(error, DBAPIError):
                raise faults.unavailable(error, self._target.name) from faults.shown(error)
            raise
        finally:
            with self._changed:
                self._open.discard(read)
                self._changed.notify_all()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    # --- forks ----------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Let other threads' reads end, end those that don't, and let no new one begin."""
        mine = threading.get_ident()
        with self._changed:
            self._is_forking = True
            self._changed.wait_for(
                lambda: all(read.thread == mine for read in self._open), _FORK_PATIENCE_S
            )
            for read in self._open:
                read.is_cut = True
                if read.connection is not None:
                    with contextlib.suppress(SQLAlchemyError):
                        read.connection.invalidate()
            self.close()

    def after_fork_in_parent(self) -> None:
        """Reads may begin again."""
        with self._changed:
            self._is_forking = False
            self._changed.notify_all()

    def after_fork_in_child(self) -> None:
        """No thread of the parent reads here."""
        self._start()
