"""Asking the books in SQL: statements of one's own, and those that are shipped."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ledger.client.wiring import Wired

if TYPE_CHECKING:
    from ledger.books.readonly.runner import Answer
    from ledger.reports.named import NamedStatement

_SECONDS, _ROWS = 30, 10_000


class Asking(Wired):
    """Reads the books, and can do nothing else to them."""

    def sql(self, statement: str, *, seconds: int = _SECONDS, rows: int = _ROWS) -> "Answer":
        """The answer to one SELECT over the views, run by a process that can only read.

        `usd(sum(cost_pico))` is exact USD text. Numbers are int or Decimal, never float.

        Args:
            statement: one SELECT; its text may be anybody's.
            seconds: that it may run.
            rows: that are told at most; `is_cut` says whether there were more.

        Raises:
            StatementRefused: it does more than read, or reads what may not be read.
            StatementStopped: it took too long, or too much.
            StatementFailed: the database can't run it.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.books.readonly.jobs import Limits
        from ledger.reports.asked import ask

        return ask(self.books, statement, limits=Limits(seconds=seconds, rows=rows))

    def ask_named(
        self,
        name: str,
        given: Mapping[str, str | int] | None = None,
        *,
        seconds: int = _SECONDS,
        rows: int = _ROWS,
    ) -> "Answer":
        """The answer to one of the statements that are shipped.

        Args:
            name: of `named_statements`.
            given: the values of its parameters, such as `{"month": "2026-11"}`.
            seconds: that it may run.
            rows: that are told at most.

        Raises:
            NotFoundInLedger: there is none of that name.
            QuestionInvalid: a parameter is missing, unknown, or not of its kind.
            StatementStopped: it took too long, or too much.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.books.readonly.jobs import Limits
        from ledger.reports.asked import ask
        from ledger.reports.named import named

        engine = "sqlite" if self.books.target.path is not None else "postgresql"
        found = named(name, engine)
        values = found.values(given or {})
        limits = Limits(seconds=seconds, rows=rows)
        return ask(self.books, found.for_engine(engine), values, limits)

    def named_statements(self) -> "list[NamedStatement]":
        """The statements that are shipped, by name, each with description and parameters."""
        from ledger.reports.named import all_named

        return all_named()
