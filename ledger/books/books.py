"""The database as one object: one writer, many readers, safe over forks."""

import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Connection

from ledger.books import disk, faults, migrate
from ledger.books.models import Process
from ledger.books.readers import Readers
from ledger.books.sqlite_store import SqliteStore
from ledger.books.target import Target
from ledger.books.writer import Writer
from ledger.errors import LedgerUnavailable
from ledger.living import Living

_all_books: "Living[Books]" = Living()
_FLUSH_S = 5.0


class Books:
    """One ledger database, opened when it is first used.

    Args:
        target: where it is.
        describe: makes the row of this process, before its first write.
    """

    def __init__(self, target: Target, describe: Callable[[], Process]) -> None:
        if target.path is None:
            raise LedgerUnavailable(
                "Servers are not supported by this version.", hint="Use a sqlite:/// URL."
            )
        self.target = target
        self.path: Path = target.path
        self._describe = describe
        self._process: Process | None = None
        self._naming = threading.Lock()
        self.writer = Writer(SqliteStore(target), self.prepare, self._prologue)
        self._readers = Readers(target)
        _all_books.add(self)

    @property
    def has_process(self) -> bool:
        """Whether this process has a row, or will have one with what it is about to write."""
        return self._process is not None

    @property
    def process(self) -> Process:
        """The row of this process; booked with its first write."""
        if self._process is None:
            with self._naming:
                if self._process is None:
                    self._process = self._describe()
        return self._process

    def prepare(self) -> None:
        """Make or upgrade the schema where need be.

        Raises:
            LedgerUnavailable: it can't be done; the error names the path.
        """
        disk.check(self.path)
        try:
            revision = migrate.revision_of(self.path)
        except OSError as error:
            raise faults.unavailable(error, str(self.path)) from error
        if revision != migrate.HEAD:
            migrate.upgrade(self.target)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the books and cannot change it.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        if not self._readers.are_open:
            self._require_file()
            self.prepare()
        with self._readers.connect() as connection:
            yield connection

    def _require_file(self) -> None:
        try:
            there = self.path.exists()
        except OSError as error:
            raise faults.unavailable(error, str(self.path)) from error
        if not there:
            raise LedgerUnavailable(
                f"There is no ledger at {self.path} yet.",
                hint="It is made by the first call: try `python -m ledger demo`.",
            )

    def close(self) -> None:
        """Write what waits and close every connection."""
        self.writer.close()
        self.close_readers()

    def close_readers(self) -> None:
        """Close the reading connections that nobody uses."""
        self._readers.close()

    def _prologue(self) -> tuple[Process, ...]:
        return (self.process,)

    # --- forks ----------------------------------------------------------------------------

    def before_fork(self) -> None:
        """No connection and no lock may cross a fork: SQLite would lose rows silently."""
        self.writer.before_fork()
        self._readers.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on; connections are opened anew when they are needed."""
        self._readers.after_fork_in_parent()
        self.writer.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """The child is a process of its own, with a row of its own."""
        self._process = None
        self._naming = threading.Lock()
        self._readers.after_fork_in_child()
        self.writer.after_fork_in_child()


# Those that `_before_fork` stopped: another thread may make new ones until the fork itself.
_stopped: "list[Books]" = []


def _before_fork() -> None:
    for books in _all_books.snapshot():
        books.before_fork()
        _stopped.append(books)
    migrate.before_fork()


def _after_fork_in_parent() -> None:
    migrate.after_fork()
    while _stopped:
        _stopped.pop().after_fork_in_parent()


def _after_fork_in_child() -> None:
    migrate.after_fork()
    _stopped.clear()
    for books in _all_books.snapshot():
        books.after_fork_in_child()


def _at_exit() -> None:
    """What was posted gets its time: nobody waits for the thread that writes it."""
    for books in _all_books.snapshot():
        books.writer.flush(_FLUSH_S)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
