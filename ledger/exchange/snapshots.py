"""Snapshots: the JSON files of the home and of every caller's folder, written from the books.

What is in them is what the `export_*` views yield, in one read transaction, so that the files
agree with each other. The config files are their users': made once, never written over.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from ledger import errors
from ledger.books.books import Books
from ledger.books.lockfile import LockFile
from ledger.callers import provisioning, templates
from ledger.exchange import documents, entries, folders
from ledger.exchange.replacing import clear_litter, holds, replace_where_different

LOCK_FILE = ".export.lock"
_OWN = {"module_name": "openrouter"}
_SKILL = {"skill_name": "openrouter"}

Chunks = Iterable[bytes]
Put = Callable[[Path, Chunks], None]
Taken = TypeVar("Taken")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did.

    Attributes:
        written: the files that changed.
        unchanged: the files that held the same bytes already, and were not touched.
        skipped: in words, the callers' folders that could not be written to, and why.
    """

    written: tuple[Path, ...] = ()
    unchanged: tuple[Path, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(slots=True)
class _Desk:
    """Puts files in their places, and notes what came of it."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def put(self, path: Path, chunks: Chunks) -> None:
        """Write a file of the home.

        Raises:
            SnapshotFailed: it can't be written.
        """
        try:
            self._put(path, chunks)
        except OSError as error:
            raise _failed(path, error) from error

    def try_put(self, path: Path, chunks: Chunks) -> None:
        """Write a file of a caller's folder; a failure is noted, and concerns no other folder."""
        try:
            self._put(path, chunks)
        except OSError as error:
            self.skipped.append(f"{path} cannot be written: {error.strerror or error}")

    def _put(self, path: Path, chunks: Chunks) -> None:
        clear_litter(path)
        changed = replace_where_different(path, chunks)
        (self.written if changed else self.unchanged).append(path)


def export(books: Books, home: Path, *, every_entry: bool = False) -> ExportReport:
    """Write the JSON files that differ from the books. One exporter a home; others wait.

    Args:
        books: the books to read, in one transaction.
        home: the ledger's home.
        every_entry: write every log entry, not only the last 1,000.

    Raises:
        SnapshotFailed: a file of the home can't be written; the old one is whole.
        LedgerUnavailable: there are no books yet, or they can't be read.
        ConfigInvalid: the home's config is broken.
    """
    lock = LockFile(home / LOCK_FILE)
    try:
        prepare_home(home, lock.lock)
        return export_locked(books, home, every_entry=every_entry)
    finally:
        lock.unlock()
        lock.close()


def export_locked(books: Books, home: Path, *, every_entry: bool = False) -> ExportReport:
    """`export` by someone who holds the home's export lock."""
    desk = _Desk()
    with books.read() as connection, entries.json_views(connection):
        _export_home(connection, home / templates.HOME_FOLDER, desk.put, every_entry=every_entry)
        found, desk.skipped[:] = folders.find(connection, home)
        _export_folders(connection, found, desk.try_put, every_entry=every_entry)
    return ExportReport(tuple(desk.written), tuple(desk.unchanged), tuple(desk.skipped))


def differing(books: Books, home: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The files that are missing, and those that say something else than the books. Writes nothing.

    A log may hold the last entries or, as `--all` writes it, every one.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
        ConfigInvalid: the home's config is broken.
    """
    found = _differing(books, home, every_entry=False)
    missing = tuple(path for path in found if not path.exists())
    stale = tuple(path for path in found if path not in missing)
    if any(path.name.endswith("_log.json") for path in stale):
        still = set(_differing(books, home, every_entry=True))
        stale = tuple(path for path in stale if path in still)
    return missing, stale


def _differing(books: Books, home: Path, *, every_entry: bool) -> list[Path]:
    found: list[Path] = []

    def compare(path: Path, chunks: Chunks) -> None:
        if not holds(path, chunks):
            found.append(path)

    with books.read() as connection, entries.json_views(connection):
        _export_home(connection, home / templates.HOME_FOLDER, compare, every_entry=every_entry)
        _export_folders(
            connection, folders.find(connection, home)[0], compare, every_entry=every_entry
        )
    return found


def prepare_home(home: Path, lock: Callable[[], Taken]) -> Taken:
    """Make the home's config files where they are missing, and take the export lock.

    Args:
        home: the ledger's home.
        lock: takes it, or tries to.

    Returns:
        What `lock` returns.

    Raises:
        SnapshotFailed: the home can't be written.
    """
    try:
        provisioning.ensure_home_configs(home, auto_export=True)
        return lock()
    except OSError as error:
        raise _failed(home, error) from error


def _export_home(connection: Connection, folder: Path, put: Put, *, every_entry: bool) -> None:
    """The home's own four files."""
    for name, head in (("openrouter", _OWN), ("api", {})):
        data = documents.pretty(entries.document(connection, f"export_{name}_data"))
        put(folder / f"{name}_data.json", [data])
        found, total = entries.entries(connection, f"export_{name}_log", every_entry=every_entry)
        put(folder / f"{name}_log.json", documents.log(head, found, total))


def _export_folders(
    connection: Connection, found: list[folders.JsonFolder], put: Put, *, every_entry: bool
) -> None:
    """The two files of each caller's folder."""
    for folder, data in zip(found, entries.folder_documents(connection, found), strict=True):
        document = f'{{"skill_name": "openrouter", "data": {data}}}'
        put(folder.path / templates.SKILL_DATA_FILE, [documents.pretty(document)])
    logs, totals = entries.folder_entries(connection, found, every_entry=every_entry)
    for number, rows in _with_empty(logs, len(found)):
        log = documents.log(_SKILL, rows, totals.get(number, 0))
        put(found[number].path / templates.SKILL_LOG_FILE, log)


def _with_empty(logs: entries.FolderEntries, count: int) -> entries.FolderEntries:
    """The entries of every folder; none for those that the books have no entry of."""
    expected = 0
    for number, rows in logs:
        yield from ((missing, iter(())) for missing in range(expected, number))
        yield number, rows
        expected = number + 1
    yield from ((missing, iter(())) for missing in range(expected, count))


def _failed(path: Path, error: OSError) -> errors.SnapshotFailed:
    return errors.SnapshotFailed(
        f"{path} cannot be written: {error.strerror or error}.",
        hint="The old file, if there is one, is whole. Free the file or folder and export again.",
    )
