"""Reading the books: requests, totals, and how the ledger itself is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ledger.client.wiring import Wired

if TYPE_CHECKING:
    from ledger.doctor import Diagnosis
    from ledger.reports.rows import RequestStatus, UsageRow
    from ledger.reports.status import Status


class Reading(Wired):
    """What a ledger tells."""

    def report(self, by: str, of: str | None = None) -> "list[UsageRow]":
        """Totals by `day`, `month`, `caller`, `member`, `model` or `tag`, in the order of those.

        A member's totals are those of every call made through it, and a request has several
        members and tags: rows of these two don't add up to the whole, but for tags `of` one key.

        Args:
            by: what to add up by.
            of: of tags, the key whose values are wanted.

        Raises:
            RequestInvalid: `by` is none of these, or has no keys.
        """
        from ledger.reports import queries

        return queries.usage(self.books, by, of)

    def requests(self) -> "Iterator[RequestStatus]":
        """Every request with its status and cost, oldest first."""
        from ledger.reports import queries

        return queries.requests(self.books)

    def show(self, request_id: str) -> "RequestStatus":
        """One request, by its id, the beginning of it, or its generation id.

        Raises:
            NotFoundInLedger: there is none.
        """
        from ledger.reports import queries

        return queries.request(self.books, request_id)

    def status(self, *, offline: bool = False) -> "Status":
        """Where the ledger is, where the key comes from, and what is open or pending.

        Args:
            offline: ask nobody over the network; else the provider has 3 seconds to say what the
                key may spend, and whether the models of the callers' configs are listed.
        """
        from ledger.reports import status

        return status.status(self, offline=offline)

    def doctor(self, *, offline: bool = False) -> "Diagnosis":
        """Examine the ledger: what is well, what is not, and its cure. Changes nothing.

        Args:
            offline: ask nobody over the network; else the provider is asked for its time.
        """
        from ledger.doctor import examine

        return examine(self, offline=offline)
