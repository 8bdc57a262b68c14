"""Snapshots that keep up by themselves: cheap when nothing changed, never two at once."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from ledger import clock
from ledger.books.books import Books
from ledger.books.lockfile import LockFile
from ledger.callers import configs
from ledger.exchange import snapshots
from ledger.exchange.snapshots import ExportReport

# An export of many requests takes a while: no more than one part in so many of the time goes
# into exports. Those that are quick come as often as the worker asks.
_SHARE = 20
# What tells that somebody committed something, whoever and to whichever table. The highest id
# would not: a row with a lower one can be committed later.
_VERSION = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT CAST(pg_current_snapshot() AS text)",
}
_CONNECTION = "ledger_export_connection"


class AutoExporter:
    """Exports a home where something changed, on behalf of a background worker.

    Args:
        books: the books.
        home: the ledger's home.
    """

    def __init__(self, books: Books, home: Path) -> None:
        self._books = books
        self._home = home
        self._seen: object = None
        self._not_before = 0.0

    def run(self, *, at_once: bool = False) -> ExportReport | None:
        """Export, if `auto_export` is on and something changed. Called every 5 s or less often.

        Where another process is exporting this home right now, or where the last export took
        long, the next run looks again.

        Args:
            at_once: put nothing off, and wait for whoever is exporting: this is the last run.

        Returns:
            What was written, or None where nothing was to be done.

        Raises:
            SnapshotFailed, LedgerUnavailable, ConfigInvalid: as in `snapshots.export`. The
                change is not forgotten: a later run tries again.
        """
        start = clock.monotonic()
        if start < self._not_before and not at_once:
            return None
        if not configs.read_global_config(self._home).auto_export:
            return None
        version = self._version()
        if version == self._seen:
            return None
        report = self._export(at_once=at_once)
        if report is not None:
            self._seen = version
        took = clock.monotonic() - start
        self._not_before = start + _SHARE * took
        return report

    def _export(self, *, at_once: bool) -> ExportReport | None:
        """Export, unless somebody does; what they read may be older than what we saw."""
        lock = LockFile(self._home / snapshots.LOCK_FILE)
        try:
            if snapshots.prepare_home(self._home, lock.lock if at_once else lock.try_lock) is False:
                return None
            return snapshots.export_locked(self._books, self._home)
        finally:
            lock.unlock()
            lock.close()

    def _version(self) -> object:
        """Equal to an earlier one only where nothing was committed since."""
        with self._books.read() as connection:
            version = connection.execute(text(_VERSION[connection.dialect.name])).scalar_one()
            return _identity(connection), version


def _identity(connection: Connection) -> Any:
    """A mark of the very database connection: SQLite's counter is each connection's own."""
    return connection.info.setdefault(_CONNECTION, object())
