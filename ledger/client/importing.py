"""What comes in from elsewhere."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from ledger.client.wiring import Wired

if TYPE_CHECKING:
    from ledger.exchange.imports.importing import ImportReport


class Importing(Wired):
    """Files of other programs, and other ledgers, as a part of this one."""

    def import_file(  # noqa: PLR0913 - one for each option
        self,
        path: str | os.PathLike[str],
        *,
        kind: str | None = None,
        on_error: Literal["skip", "stop"] = "skip",
        tz: str | None = None,
        caller: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "ImportReport":
        """Book the calls that a file lists, and what its totals state beyond them, once.

        What the ledger has by any way is not booked again. Amounts that only the file states are
        graded `declared`, and summed in a column of their own.

        Args:
            path: the plan's JSON files, `usage_tracker_data.json`, OpenRouter's activity as CSV,
                `llm`'s `logs.db`, or another ledger, by its file or its URL.
            kind: what it is; told by its content if left out.
            on_error: whether a bad row is skipped, or stops the import before anything is booked.
            tz: the IANA zone of times that name none; this machine's if left out.
            caller: who made the calls that name nobody.
            progress: called with (done, all) as it goes on.

        Raises:
            ImportFailed: the file can't be read, or has a bad row that is to stop the import.
            RequestInvalid: there is no such kind or zone.
            LedgerUnavailable: the books can't be written.
        """
        from ledger.exchange.imports import importing

        self._open()
        return importing.import_file(
            self.books,
            os.fspath(path),
            base_url=self.desk.base_url(self.desk.rules()),
            kind=kind,
            on_error=on_error,
            zone=tz,
            caller=caller,
            progress=progress,
        )
