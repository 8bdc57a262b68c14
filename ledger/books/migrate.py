"""Making and upgrading the schema: one winner, one transaction, a verified backup first."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from ledger import clock, files
from ledger.books import faults
from ledger.books.backup import backup
from ledger.books.engine import APPLICATION_ID
from ledger.books.lockfile import LockFile
from ledger.books.target import Target
from ledger.errors import (
    BackupFailed,
    LedgerBusy,
    LedgerError,
    LedgerTooNew,
    LedgerUnavailable,
    MigrationFailed,
)
from ledger.settings import WRITE_PATIENCE_S

HEAD = "0010"
"""The newest revision: known without loading Alembic; a test compares it with the scripts."""

_PACKAGE = Path(__file__).parents[1]
# Alembic's environment is global to the process, so one upgrade at a time.
_one_at_a_time = threading.Lock()
before_fork, after_fork = _one_at_a_time.acquire, _one_at_a_time.release
_PATIENCE_S = WRITE_PATIENCE_S
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did: revisions from and to (None: no schema), and the backup's path."""

    before: str | None
    after: str
    backup: Path | None


def scripts() -> Path:
    """The folder of the migration scripts: in the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / "migrations"
    return inside if inside.is_dir() else _PACKAGE.parent / "migrations"


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
    except sqlite3.Error as error:
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
    with _one_at_a_time:
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


def upgrade(target: Target, script_location: Path | None = None) -> Upgrade:
    """Bring an embedded ledger to the newest schema; of many at once, one does it.

    Args:
        target: where the ledger is.
        script_location: the migration scripts; the package's own if not given.

    Raises:
        LedgerTooNew: a newer version wrote it.
        MigrationFailed: a migration failed; the file is as it was.
        LedgerUnavailable: the file or its folder can't be written.
    """
    assert target.path is not None
    path, scripts_at = target.path, script_location or scripts()
    with exclusive(target):
        before = revision_of(path)
        head = _head(scripts_at, before)
        if before == head:
            return Upgrade(before, head, None)
        saved = _save(path, before) if before is not None else None
        _migrate(target, scripts_at)
        return Upgrade(before, head, saved)


@contextlib.contextmanager
def transaction(target: Target) -> Iterator[Connection]:
    """One transaction for a whole upgrade: views and triggers dropped before, made after.

    The caller holds the lock file. Raises what the database raises, after undoing everything.
    """
    from ledger.books import derived

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
            derived.drop(connection)
            yield connection
            derived.create(connection)
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


def _migrate(target: Target, scripts_at: Path) -> None:
    """Run the migrations; the lock is held."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts_at).replace("%", "%%"))
    chatter = logging.getLogger("alembic")
    if chatter.level == logging.NOTSET:  # a first call is no news for the user's log
        chatter.setLevel(logging.WARNING)
    try:
        with transaction(target) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except LedgerError:
        raise
    except Exception as error:
        if faults.is_of_the_file(error) or faults.is_busy(error):
            raise faults.unavailable(error, target.name) from error
        raise _failed(target, error) from error


def _failed(target: Target, error: Exception) -> MigrationFailed:
    return MigrationFailed(
        f"The upgrade of {target.name} failed ({type(error).__name__}: {error}); nothing was"
        " changed.",
        hint="Report this with the message above; the ledger can be used with the old version.",
    )


def is_known(revision: str) -> bool:
    """Whether this version has the migrations that lead to a revision, and from it on."""
    return revision in _revisions(scripts())


def _revisions(scripts_at: Path) -> set[str]:
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(scripts_at))
    return {script.revision for script in directory.walk_revisions()}


def _head(scripts_at: Path, before: str | None) -> str:
    """The newest revision of the scripts, once it's sure that they know the file's own."""
    if before == HEAD and scripts_at == scripts():
        return HEAD
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(scripts_at))
    if before is not None and before not in _revisions(scripts_at):
        raise LedgerTooNew(
            f"The ledger has revision {before}, which this version does not know.",
            hint="A newer version of openrouter-ledger wrote it: install that one.",
        )
    return str(directory.get_current_head())


def _save(path: Path, revision: str) -> Path:
    stamp = clock.to_text(clock.now()).replace(":", "").replace(".", "")
    saved = path.parent / "backups" / f"{path.stem}-{revision}-{stamp}.db"
    try:
        return backup(path, saved).path
    except BackupFailed as error:
        raise MigrationFailed(
            f"The upgrade was not begun: {error}", hint="Free some space, then try again."
        ) from error
