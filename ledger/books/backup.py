"""Backups: an online copy through SQLite itself, verified before it gets its name."""

import contextlib
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ledger import files
from ledger.books.target import Target
from ledger.errors import BackupFailed

# SQLite 3.40 checks the wrong columns of a STRICT table WITHOUT ROWID whose key isn't first, as it
# was before revision 0018: an upgrade backs up what was summed until then.
_LISTED = 2**31 - 1
_FALSE_ALARM = re.compile(r"NULL value in usage_(day_)?rollup\.\w+")


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified copy.

    Attributes:
        path: where it is.
        size: its bytes.
        requests: the requests in it; None where the source has no such table yet.
    """

    path: Path
    size: int
    requests: int | None


def embedded(target: Target) -> Path:
    """The file of a ledger that has one.

    Raises:
        BackupFailed: it is on a server, which is not copied as a file.
    """
    if target.path is None:
        raise BackupFailed(
            f"The ledger at {target.name} is on a server, which has its own backups.",
            hint="Use its tools, as in: pg_dump --format=custom --file=ledger.dump DATABASE",
        )
    return target.path


def backup(source: Path, target: Path) -> Backup:
    """Copy a ledger while it is in use, and verify the copy.

    The file itself is never copied: a live database is more than its file.

    Raises:
        BackupFailed: the target exists, can't be written, or the copy does not verify.
    """
    if not source.exists():
        raise BackupFailed(f"There is no ledger at {source}.", hint="Make a first call, then.")
    if target.exists() or target.is_symlink():
        raise BackupFailed(f"{target} exists already.", hint="Name a file that doesn't.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        files.private_folder(target.parent)
        files.create_private(temporary)
        requests = _copy(source, temporary)
        _sync(temporary)
        if not files.name_once(temporary, target):
            raise BackupFailed(f"{target} was made meanwhile.", hint="Name another file.")
        files.sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"{source} could not be backed up to {target}: {error}.") from error
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                Path(f"{temporary}{ending}").unlink()
    return Backup(target, target.stat().st_size, requests)


def _copy(source: Path, temporary: Path) -> int | None:
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as live,
        contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole without a log beside it
        found = damages(copy)
        if found:
            raise BackupFailed(f"The copy of {source} is damaged: {found[0]}.")
        there = "SELECT 1 FROM sqlite_master WHERE name = 'request'"
        if copy.execute(there).fetchone() is None:
            return None
        return int(copy.execute("SELECT count(*) FROM request").fetchone()[0])


def damages(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with a file; nothing where it is whole."""
    # As many as there can be: false alarms must not hide a true one.
    found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_LISTED})")]
    return [line for line in found if line != "ok" and not _FALSE_ALARM.fullmatch(line)]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
