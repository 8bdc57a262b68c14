"""Keeping the books: settling, exporting, backups and upgrades."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.books import migrate
from ledger.books.backup import Backup, backup, embedded
from ledger.books.migrate import Upgrade
from ledger.client.wiring import Wired
from ledger.logs import follow_ecosystem

if TYPE_CHECKING:
    from ledger.exchange.otel import Names
    from ledger.exchange.snapshots import ExportReport
    from ledger.exchange.tables import TableExport
    from ledger.settlement.settler import SettleReport


class Keeping(Wired):
    """What is done with a ledger beside the calls."""

    def settle(self, progress: Callable[[int, int], None] | None = None) -> "SettleReport":
        """Ask the provider once, now, for the record of every request that lacks one.

        Args:
            progress: called with (done, all) as it goes on.

        Returns:
            What was settled, and what is still pending or unknown.
        """
        follow_ecosystem()
        settler = self.background.settler()
        return self.background.export_after(lambda: settler.settle(progress))

    def watch(self, progress: Callable[[int, int], None] | None = None) -> "SettleReport":
        """Settle on the schedule, until nothing is pending."""
        follow_ecosystem()
        settler = self.background.settler()
        return self.background.export_after(lambda: settler.watch(progress))

    def export(self, *, every_entry: bool = False) -> "ExportReport":
        """Write the JSON files of the home and of every caller's folder, where they changed.

        Args:
            every_entry: write every log entry, not only the last 1,000.
        """
        from ledger.exchange.snapshots import export

        return export(self.books, self.settings.home, every_entry=every_entry)

    def csv(self, view: str = "request_status", *, names: "Names" = "books") -> Iterator[bytes]:
        """A public view as CSV, some rows at a time; text that is a formula is neutralised.

        Raises:
            RequestInvalid: there is no such view; the error lists those there are.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.exchange import tables

        return tables.csv_pieces(self.books, view, names)

    def export_csv(
        self,
        path: str | os.PathLike[str],
        view: str = "request_status",
        *,
        names: "Names" = "books",
    ) -> "TableExport":
        """Write a public view to a CSV file, in one step and for its owner only.

        Raises:
            RequestInvalid: there is no such view; the error lists those there are.
            SnapshotFailed: the file can't be written; the old one is whole.
        """
        from ledger.exchange import tables

        return tables.csv_file(self.books, view, Path(path), names)

    def export_parquet(
        self,
        path: str | os.PathLike[str],
        view: str = "request_status",
        *,
        names: "Names" = "books",
    ) -> "TableExport":
        """Write a public view to a Parquet file, in one step and for its owner only.

        Args:
            path: the file.
            view: whose rows.
            names: `otel` calls columns as OpenTelemetry's GenAI conventions do, where they do.

        Raises:
            RequestInvalid: there is no such view; the error lists those there are.
            SnapshotFailed: the file can't be written, the old one is whole; or pyarrow is not
                installed.
        """
        from ledger.exchange import tables

        return tables.parquet_file(self.books, view, Path(path), names)

    def focus(self) -> Iterator[bytes]:
        """The books as a FOCUS 1.2 dataset in CSV, some rows at a time.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.exchange import focus

        return focus.pieces(self.books)

    def export_focus(self, path: str | os.PathLike[str]) -> "TableExport":
        """Write the books as a FOCUS 1.2 dataset, in one step and for its owner only.

        Raises:
            SnapshotFailed: the file can't be written; the old one is whole.
        """
        from ledger.exchange import focus

        return focus.file(self.books, Path(path))

    def backup(self, path: str | os.PathLike[str]) -> Backup:
        """Copy the ledger while it is in use, verified.

        Raises:
            BackupFailed: the file exists, can't be written, or the copy does not verify; or the
                ledger is on a server, which has its own means.
        """
        return backup(embedded(self.books.target), Path(path))

    def upgrade(self) -> Upgrade:
        """Bring the books to the newest schema; of a file, a backup is made first."""
        return migrate.upgrade(self.books.target)
