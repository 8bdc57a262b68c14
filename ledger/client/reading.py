"""Reading the books: requests, totals, and how the ledger itself is."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import files
from ledger.client.wiring import Wired
from ledger.errors import SnapshotFailed

if TYPE_CHECKING:
    from ledger.doctor import Diagnosis
    from ledger.reports.commits import CommitUsage
    from ledger.reports.following import CallEvent
    from ledger.reports.glance.glance import Glance
    from ledger.reports.rows import RequestStatus
    from ledger.reports.status import Status
    from ledger.reports.usage.periods import Word
    from ledger.reports.usage.report import Report
    from ledger.reports.waste import WasteUsage


class Reading(Wired):
    """What a ledger tells."""

    def report(  # noqa: PLR0913 - one for each thing that a report can be asked
        self,
        by: str,
        then: str | None = None,
        *,
        since: "Word | None" = None,
        until: "Word | None" = None,
        caller: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        of: str | None = None,
        tz: str = "UTC",
        top: int | None = None,
    ) -> "Report":
        """Totals with their grades: by time in the order of it, by name the largest first.

        A member's totals are those of every call made through it, and a request has several
        members and tags: rows of these two don't add up to the whole, but for tags `of` one key.

        Args:
            by: `hour`, `day`, `week`, `month`, `caller`, `member` (of chains), `model`,
                `provider`, `tag` or `status`.
            then: another of these, to cross it with.
            since: the first time: a date, a moment, or a word such as `today`, `7d`, `2026-11`.
            until: the last one, which is part of it: until `2026-11` is until the month's end.
            caller: only requests of this one.
            model: only requests of this one, as answered, else as asked for.
            tag: only requests with this tag, `key=value`.
            of: of tags, the key whose values are wanted.
            tz: an IANA time zone, whose days and hours these are.
            top: so many names get a row of their own, and all others one together.

        Raises:
            QuestionInvalid: what of it can't be asked, and what can.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.books import rollups
        from ledger.reports.usage import adding, question

        asked = question.question(
            by,
            then,
            since=since,
            until=until,
            caller=caller,
            model=model,
            tag=tag,
            of=of,
            tz=tz,
            top=top,
        )
        rollups.freshen(self.books)
        return adding.report(self.books, asked)

    def report_html(
        self,
        path: "str | os.PathLike[str]",
        by: str | None = None,
        then: str | None = None,
        **asked: Any,
    ) -> Path:
        """Write a report as one HTML page: charts of spend, and the tables under them.

        It has no script and needs no network; names in it are only text.

        Args:
            path: the file, which its owner alone can read.
            by: what beside time, caller, model, provider and status to add up by.
            then: another of these, to cross it with.
            asked: which requests, by the other arguments of `report`.

        Raises:
            QuestionInvalid: what of it can't be asked, and what can.
            LedgerUnavailable: there are no books yet, or they can't be read.
            SnapshotFailed: the file can't be written; the old one is whole.
        """
        from ledger.books import rollups
        from ledger.reports.page import page
        from ledger.reports.usage import question

        about = question.question(by or "day", then, **asked)
        rollups.freshen(self.books)
        made = page.html(page.gather(self.books, about, is_named=by is not None))
        target = Path(path)
        try:
            files.write_atomic(target, made)
        except OSError as error:
            raise SnapshotFailed(f"{target} can't be written: {error.strerror}.") from error
        return target

    def glance(self, *, tz: str = "UTC") -> "Glance":
        """Today, this month, the change on the periods before, who spends, errors, what is left.

        Raises:
            QuestionInvalid: there is no such time zone.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.books import rollups
        from ledger.reports.glance import glance

        rollups.freshen(self.books)
        return glance.glance(self.books, tz)

    def commits(
        self,
        caller: str | None = None,
        *,
        since: "Word | None" = None,
        until: "Word | None" = None,
        tz: str = "UTC",
    ) -> "list[CommitUsage]":
        """Cost and tokens per call by git commit of the program, in the order of first use.

        Args:
            caller: only its calls.
            since: as for `report`.
            until: as for `report`.
            tz: whose days these are.

        Raises:
            QuestionInvalid: a time or zone that is none.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.reports import commits

        return commits.commits(self.books, caller=caller, since=since, until=until, tz=tz)

    def waste(
        self,
        caller: str | None = None,
        *,
        since: "Word | None" = None,
        until: "Word | None" = None,
        tz: str = "UTC",
    ) -> "list[WasteUsage]":
        """What was paid for nothing: cut, empty, broken and billed, or asked twice in a row.

        Args:
            caller: only its calls.
            since: as for `report`.
            until: as for `report`.
            tz: whose days these are.

        Raises:
            QuestionInvalid: a time or zone that is none.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.reports import waste

        return waste.waste(self.books, caller=caller, since=since, until=until, tz=tz)

    def tail(self, *, last: int = 10, goes_on: bool = True) -> "Iterator[CallEvent]":
        """The last calls, and then those of all programs as each starts and ends.

        Args:
            last: how many calls that were there before come first.
            goes_on: whether to wait for others, without an end.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.reports import following

        return following.follow(self.books, last=last, goes_on=goes_on)

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
