"""The engine and its version, with what that means."""

import platform
import sqlite3
from collections.abc import Iterator

from sqlalchemy import text

from ledger import __version__
from ledger.books.lockfile import fcntl
from ledger.doctor.findings import Finding, Patient

Version = tuple[int, int, int]

_STRICT_TABLES: Version = (3, 37, 0)
# Where the WAL-reset bug was fixed, and in which older lines too (sqlite.org/wal.html).
_FIXED: Version = (3, 51, 3)
_FIXED_LINES: tuple[Version, ...] = ((3, 50, 7), (3, 44, 6))


def software(patient: Patient) -> Iterator[Finding]:
    """What runs here, and what to know about it."""
    ours = f"openrouter-ledger {__version__}, Python {platform.python_version()}"
    yield Finding("software", "ok", ours)
    if patient.path is None:
        yield _server(patient)
        return
    yield sqlite(_version(sqlite3.sqlite_version), has_locks=fcntl is not None)


def sqlite(version: Version, *, has_locks: bool) -> Finding:
    """What a version of SQLite means for the books.

    Args:
        version: the library's.
        has_locks: whether the platform has the kernel locks that queue our writers.
    """
    name = f"SQLite {'.'.join(map(str, version))}"
    if version < _STRICT_TABLES:
        return Finding(
            "engine",
            "fail",
            f"{name} knows no STRICT tables.",
            "Use Python with SQLite 3.37 or up.",
        )
    if is_fixed(version):
        return Finding("engine", "ok", f"{name}, without the WAL-reset bug.")
    how = "only while no writer can commit" if has_locks else "never by itself"
    return Finding(
        "engine",
        "ok",
        f"{name} has the WAL-reset bug (fixed in 3.51.3), which can corrupt a file that several"
        f" programs checkpoint. The ledger checkpoints {how}, so it is safe; let no other program"
        " write to its file.",
    )


def is_fixed(version: Version) -> bool:
    """Whether a version is free of the WAL-reset bug."""
    same_line = (line for line in _FIXED_LINES if line[:2] == version[:2])
    return version >= _FIXED or any(version >= line for line in same_line)


def _server(patient: Patient) -> Finding:
    with patient.books.read() as connection:
        said = str(connection.execute(text("SELECT version()")).scalar_one())
    return Finding("engine", "ok", f"{said.partition(' on ')[0]} at {patient.books.target.name}")


def _version(said: str) -> Version:
    major, minor, patch = (int(part) for part in said.split(".")[:3])
    return major, minor, patch
