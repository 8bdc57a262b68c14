"""The one connection that writes a SQLite ledger: lock, transaction, checkpoint.

Only the thread that holds the writer's turn may call anything here.
"""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection

from ledger import clock
from ledger.books import faults
from ledger.books.base import Table
from ledger.books.engine import writer_engine
from ledger.books.lockfile import LockFile
from ledger.books.statements import Statements
from ledger.books.target import Target
from ledger.errors import LedgerUnavailable
from ledger.logs import logger

_POLL_S = 0.0001
_MIB = 1024 * 1024
# The log is restarted in the background at 4 MiB, cut at 8, and by the caller itself at 14;
# with a reader in the way, the next try is 1 MiB later.
_RESTART_AT, _TRUNCATE_AT, _AT_ONCE = 4 * _MIB, 8 * _MIB, 14 * _MIB


class SqliteStore:
    """A lazily opened writing connection with its lock file."""

    engine = "sqlite"

    def __init__(self, target: Target) -> None:
        assert target.path is not None
        self.target = target
        self.path = target.path
        self.lock = LockFile(target.path.with_name(target.path.name + ".lock"))
        self._engine = writer_engine(target)
        self.statements = Statements(self._engine.dialect)
        self.connection: Connection | None = None
        self._driver: sqlite3.Connection | None = None
        self._log = -1
        self._quiet_until = _RESTART_AT
        self._identity: tuple[int, int] | None = None

    # --- life -----------------------------------------------------------------------------

    def open(self) -> sqlite3.Connection:
        """The driver's connection, opened if need be.

        Raises:
            sqlite3.Error: the file can't be opened.
        """
        if self._driver is None:
            self._require_same_file()
            _mend_log(self.path)
            self.connection = self._engine.connect()
            driver = self.connection.connection.driver_connection
            self._driver = cast("sqlite3.Connection", driver)
            if self.lock.is_real:  # the lock file is the queue; SQLite's own wait is a poll
                self._driver.execute("PRAGMA busy_timeout=0")
        return self._driver

    def close(self) -> None:
        """Close the connection, the log's descriptor and the lock file."""
        connection, self.connection, self._driver = self.connection, None, None
        if self._log >= 0:
            os.close(self._log)
            self._log = -1
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()
        self.lock.close()
        self._quiet_until = _RESTART_AT

    # --- one transaction ------------------------------------------------------------------

    def execute(self, sql: str, params: Any = ()) -> sqlite3.Cursor:
        """Run a statement on the driver's connection."""
        return self.open().execute(sql, params)

    def run(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement, and take its rows."""
        return self.open().execute(sql, params).fetchall()

    def look(self, question: str) -> Any:
        """One value: writers take turns, so nobody changes it meanwhile."""
        return self.open().execute(question).fetchone()[0]

    def alone(self) -> None:
        """Every writer is."""

    def begin(self, patience_s: float, *, reads: bool) -> None:  # noqa: ARG002 - writers take turns in any case
        """Begin a write; the lock file is held, so only strangers can be in the way.

        Raises:
            LedgerBusy: a stranger held the write lock for that long.
            LedgerUnavailable: the file was deleted or replaced since it was first opened.
            sqlite3.Error: the file can't be opened or written.
        """
        driver, until = self.open(), clock.monotonic() + patience_s
        self._require_same_file()
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not faults.is_busy(error):
                    raise
                if clock.monotonic() >= until:
                    raise faults.busy(str(self.path), patience_s) from error
                clock.sleep(_POLL_S)
            else:
                return

    def _require_same_file(self) -> None:
        """Rows written into a file that was deleted would vanish without an error."""
        found = _identity(self.path)
        if self._identity is None:
            self._identity = found
        if found is None or found != self._identity:
            raise LedgerUnavailable(
                f"The ledger at {self.path} was deleted or replaced under this process.",
                hint="Nothing was sent. Start the program anew, with the ledger that is to count.",
            )

    def commit(self) -> None:
        """Make it durable."""
        self.open().execute("COMMIT")
        if self.connection is not None and self.connection.in_transaction():
            self.connection.rollback()  # SQLAlchemy's own view of it; SQLite has committed

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction still stands: a full disk undoes it at once."""
        return self._driver is not None and self._driver.in_transaction

    def rollback(self) -> None:
        """Undo what is open; after a full disk SQLite has done so by itself."""
        if self._driver is not None and self._driver.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._driver.execute("ROLLBACK")
        if self.connection is not None and self.connection.in_transaction():
            self.connection.rollback()

    def recover(self, error: BaseException) -> None:
        """After a fault of the file: the next write opens it anew, as it may be mended by then."""
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            self.close()

    def stands_after(self, error: BaseException) -> bool:  # noqa: ARG002 - SQLite itself can say
        """Whether the transaction still stands: a full disk undoes it at once."""
        return self.in_transaction

    def was_committed(self, first: Table | None, until: float) -> bool:  # noqa: ARG002 - a file's COMMIT has one answer
        """A COMMIT that failed has committed nothing."""
        return False

    def pause_to_retry(self, error: BaseException, tries: int, until: float) -> bool:  # noqa: ARG002 - as above
        """What failed would fail again: there is no server that could come back."""
        return False

    # --- our own checkpoints --------------------------------------------------------------

    def wants_checkpoint(self) -> bool:
        """After a commit, under the lock: whether the log has grown enough to restart it.

        A log beyond 14 MiB is checkpointed right here.
        """
        if not self.lock.is_real:
            return False
        size = self._log_size()
        if size <= self._quiet_until:
            return False
        # A restarted log keeps its length, so what counts is growth past the last checkpoint.
        self._quiet_until = max(_RESTART_AT, self.lock.read_mark())
        if size <= self._quiet_until:
            return False
        if size > _AT_ONCE:
            self.tidy()
            return False
        return True

    def tidy(self) -> None:
        """A checkpoint whose failure loses nothing: it is logged, and tried 1 MiB later."""
        try:
            self.checkpoint()
        except (sqlite3.Error, OSError) as error:
            self._quiet_until = self._log_size() + _MIB
            logger.warning("the write-ahead log of %s could not be restarted: %s", self.path, error)

    def compact(self) -> bool:
        """Write the file anew, then empty the log: of what was deleted nothing is left.

        Returns:
            Whether the log could be emptied: a reader's is left to it.
        """
        self.execute("VACUUM")
        return not self.checkpoint(truncate=True)[0]

    def checkpoint(self, *, truncate: bool = False) -> tuple[int, int, int]:
        """Restart or cut the log. Only under the lock file, with no transaction of ours open.

        Args:
            truncate: cut it, however long it is.

        Returns:
            SQLite's (busy, frames in the log, frames copied).
        """
        size = self._log_size()
        mode = "TRUNCATE" if truncate or size > _TRUNCATE_AT else "RESTART"
        row = self.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        after = self._log_size()
        if row[0]:
            self._quiet_until = after + _MIB
        else:
            self._quiet_until = max(_RESTART_AT, after)
            self.lock.write_mark(after)
        return cast("tuple[int, int, int]", tuple(row))

    def _log_size(self) -> int:
        """The log's size in bytes; a kept descriptor makes it cheap."""
        if self._log < 0:
            try:
                flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
                self._log = os.open(f"{self.path}-wal", flags)
            except OSError:
                return 0
        return os.lseek(self._log, 0, os.SEEK_END)


def _mend_log(path: Path) -> None:
    """Give the log the file's own permissions.

    Whoever reads a ledger while its file is read-only leaves a read-only log behind, and that
    would refuse every write after the file itself has been mended.
    """
    for ending in ("-wal", "-shm"):
        log = Path(f"{path}{ending}")
        with contextlib.suppress(OSError):
            if log.exists() and not os.access(log, os.W_OK):
                log.chmod(path.stat().st_mode & 0o777)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file a path names; None for none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
