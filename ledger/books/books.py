"""The database as one object: one writer, many readers, safe over forks."""

import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ledger.books import disk, faults, migrate, postgres_schema, sqlite_schema
from ledger.books.advisory import SETTLING, AdvisoryLock
from ledger.books.lockfile import LockFile
from ledger.books.models import Process
from ledger.books.readers import Readers
from ledger.books.sqlite_store import SqliteStore
from ledger.books.store import Lock, Store
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
        self.target = target
        self._describe = describe
        self._process: Process | None = None
        self._naming = threading.Lock()
        self._store = _store_of(target)
        self.writer = Writer(self._store, self._prepare_to_write, self._prologue)
        self._readers = Readers(target)
        _all_books.add(self)

    @property
    def has_process(self) -> bool:
        """Whether this process has a row, or will have one with what it is about to write."""
        return self._process is not None

    @property
    def path(self) -> Path:
        """The file of an embedded ledger.

        Raises:
            LedgerUnavailable: the ledger is on a server.
        """
        if self.target.path is None:
            raise LedgerUnavailable(f"The ledger at {self.target.name} is no file.")
        return self.target.path

    @property
    def process(self) -> Process:
        """The row of this process; booked with its first write."""
        if self._process is None:
            with self._naming:
                if self._process is None:
                    self._process = self._describe()
        return self._process

    @property
    def revision(self) -> str | None:
        """The revision of the schema; None where there is no ledger yet.

        Raises:
            LedgerUnavailable: it can't be read.
        """
        if self.target.path is not None:
            return sqlite_schema.revision_of(self.target.path)
        with self._readers.connect() as connection:
            return postgres_schema.revision_of(connection, self.target)

    def worker_lock(self) -> Lock:
        """The lock of the one background worker that settles what ended processes left."""
        if self.target.path is None:
            return AdvisoryLock(self.target, SETTLING)
        return LockFile(self.path.with_name(self.path.name + ".worker.lock"))

    def prepare(self) -> None:
        """Make or upgrade the schema of a file where need be; a server's is looked at only.

        Raises:
            LedgerUnavailable: it can't be done; the error names the path.
            UpgradeRequired: a server's schema is not there, or is older.
        """
        if self.target.path is None:
            with self._readers.connect() as connection:
                migrate.require(connection, self.target)
            return
        disk.check(self.path)
        try:
            revision = self.revision
        except OSError as error:
            raise faults.unavailable(error, str(self.path)) from error
        if revision != migrate.HEAD:
            migrate.upgrade(self.target)

    def _prepare_to_write(self) -> None:
        """`prepare` by the writer, whose own connection will do for a server."""
        if self.target.path is not None:
            self.prepare()
            return
        try:
            self._store.open()
            assert self._store.connection is not None
            migrate.require(self._store.connection, self.target)
            self._store.connection.rollback()
        except SQLAlchemyError as error:
            raise faults.unavailable(error, self.target.name) from faults.shown(error)

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
        if self.target.path is None:
            return
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


def _store_of(target: Target) -> Store:
    """The writing connection of a target's engine."""
    if target.path is not None:
        return SqliteStore(target)
    from ledger.books.postgres_store import PostgresStore

    return PostgresStore(target)


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
