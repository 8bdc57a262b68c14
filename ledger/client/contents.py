"""Stored content: reading it, and removing it for good."""

import datetime as dt
from typing import TYPE_CHECKING

from ledger import clock
from ledger.client.wiring import Wired
from ledger.errors import RequestInvalid

if TYPE_CHECKING:
    from ledger.books.purging import Purged
    from ledger.reports.contents import StoredMessage


class Contents(Wired):
    """What was asked and answered, where storing is on."""

    def logs(
        self, *, limit: int = 20, caller: str | None = None, search: str | None = None
    ) -> "list[StoredMessage]":
        """The latest stored messages and answers, oldest first.

        Args:
            limit: how many at most.
            caller: only those of this caller.
            search: only those that hold all of these words.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.reports import contents

        return contents.latest(self.books, limit=limit, caller=caller, words=search)

    def last_conversation(self, caller: str | None = None) -> "list[StoredMessage]":
        """All that is stored of the last conversation, or of the last call outside of one.

        Raises:
            NotFoundInLedger: no content is stored.
        """
        from ledger.reports import contents

        return contents.last_conversation(self.books, caller)

    def purge(
        self,
        *,
        older_than: int | None = None,
        everything: bool = False,
        dry_run: bool = False,
    ) -> "Purged":
        """Remove stored content for good: the rows, the search's words, the file's old pages.

        Args:
            older_than: whole days; `store_days` of `openrouter_config.json` if left out.
            everything: remove all of it.
            dry_run: only count.

        Raises:
            RequestInvalid: nobody says how old is too old.
            LedgerUnavailable: there are no books yet, or they can't be written.
        """
        from ledger.books.purging import purge

        days = self.desk.rules().store_days if older_than is None else older_than
        if not everything and days is None:
            raise RequestInvalid(
                "Nobody says which content is to go.",
                hint="Set store_days in openrouter_config.json, or say older than how many days.",
            )
        if days is not None and days < 0:
            raise RequestInvalid("The age of content is 0 days or more.")
        before = None if everything else clock.now() - dt.timedelta(days=days or 0)
        return purge(self.books, before, dry_run=dry_run)
