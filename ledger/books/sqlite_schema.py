"""The schema of a SQLite file: who may change it, in which transaction, with which copy first."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from ledger import clock, files
from ledger.books import faults
from ledger.books.backup import backup
from ledger.books.engine import APPLICATION_ID
from ledger.books.lockfile import LockFile
from ledger.books.target import Target
from ledger.errors import BackupFailed, LedgerBusy, LedgerUnavailable, MigrationFailed
from ledger.settings import WRITE_PATIENCE_S

_PATIENCE_S = WRITE_PATIENCE_S
_PAUSE_S = 0.005


def lock_of(path: Path) -> LockFile:
    """The lock file of a database file."""
    return LockFile(path.with_name(path.name + ".lock"))


def revision_of(path: Path) -> str | None:
    """The schema revision of a file; None where it has none yet.

    Raises:
        LedgerUnavailable: the file can't be read, or isn't a ledger.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
            tables = {row[0] for row in reader.execute("SELECT name FROM sqlite_master")}
            if "alembic_version" in tables:
                row = reader.execute("SELECT version_num FROM alembic_version").fetchone()
                return str(row[0]) if row else None
            (application_id,) = reader.execute("PRAGMA application_id").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # noise where names should be
        raise faults.unavailable(error, str(path)) from error
    if tables and application_id != APPLICATION_ID:
        raise LedgerUnavailable(
            f"{path} is a database, but no ledger.",
            hint="Move it, or point LEDGER_HOME or LEDGER_URL elsewhere.",
        )
    return None


@contextlib.contextmanager
def exclusive(target: Target) -> Iterator[None]:
    """Hold the writers' lock; make the file private before anything is written to it.

    Raises:
        LedgerUnavailable: the file or its folder can't be written.
        LedgerBusy: another process held the lock for 60 s.
    """
    assert target.path is not None
    path, lock = target.path, lock_of(target.path)
    try:
        files.private_folder(path.parent)
        _await(lock, path)
        if not path.exists():
            files.create_private(path)
    except (OSError, LedgerBusy) as error:
        lock.close()
        raise faults.unavailable(error, str(path)) from error
    try:
        yield
    finally:
        lock.unlock()
        lock.close()


def _await(lock: LockFile, path: Path) -> None:
    """Wait for the lock, but not for ever: whoever opens a ledger must learn who is stuck."""
    until = clock.monotonic() + _PATIENCE_S
    while not lock.try_lock():
        if clock.monotonic() >= until:
            raise faults.busy(str(path), _PATIENCE_S)
        clock.sleep(_PAUSE_S)


@contextlib.contextmanager
def transaction(target: Target) -> Iterator[Connection]:
    """One transaction for a whole upgrade. The caller holds the lock file.

    Raises what the database raises, after undoing everything.
    """
    engine = create_engine(
        target.url, poolclass=NullPool, connect_args={"isolation_level": None, "timeout": 60}
    )
    with engine.connect() as connection:
        for switch in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA wal_autocheckpoint=0",
            f"PRAGMA application_id={APPLICATION_ID}",
            "PRAGMA foreign_keys=OFF",  # a rebuilt parent table would take its children along
            "BEGIN IMMEDIATE",
        ):
            connection.exec_driver_sql(switch)
        try:
            yield connection
            _check_references(connection, target)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.rollback()
            raise


def _check_references(connection: Connection, target: Target) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise MigrationFailed(
            f"The upgrade of {target.name} broke a reference in {broken[0]}; nothing was changed.",
            hint="Report this with the message above.",
        )


def save(path: Path, revision: str) -> Path:
    """A verified copy of a ledger, before its schema is changed.

    Raises:
        MigrationFailed: there can be none.
    """
    stamp = clock.to_text(clock.now()).replace(":", "").replace(".", "")
    saved = path.parent / "backups" / f"{path.stem}-{revision}-{stamp}.db"
    try:
        return backup(path, saved).path
    except BackupFailed as error:
        raise MigrationFailed(
            f"The upgrade was not begun: {error}", hint="Free some space, then try again."
        ) from error
