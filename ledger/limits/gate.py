"""The gate that every call passes: which budgets are in force, as its own write sees it."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ledger.books.books import Books
from ledger.books.unit import Guarded, Transaction

if TYPE_CHECKING:
    import datetime as dt

    from ledger.limits.budgets import Budget
    from ledger.limits.prices import PriceBook
    from ledger.limits.scopes import Facts


class Gate:
    """The budgets of one ledger, as they were at the last write of a call, and its prices.

    Each write looks first whether that is how they still are: so a budget that another process
    has set is seen by the next call. Where there are none, that look is all that a call pays.
    """

    question = "SELECT (SELECT id FROM budget ORDER BY number DESC LIMIT 1)"

    def __init__(self, books: Books) -> None:
        self._books = books
        self._latest: str | None = None
        self.budgets: tuple[Budget, ...] = ()

    def watches(self, transaction: Transaction, answer: Any, passing: Sequence[Guarded]) -> bool:
        """Whether budgets are to be asked; by then they are known, and their balances kept."""
        if answer is None:
            self._latest, self.budgets = None, ()
            return False
        if answer != self._latest:
            self.refresh(transaction, answer)
        if transaction.engine != "sqlite" and self.budgets:
            from ledger.limits import counters

            counters.lock(transaction, [id_ for each in passing for id_ in each.rollups()])
        return True

    @cached_property
    def prices(self) -> "PriceBook":
        """What models cost."""
        from ledger.limits.prices import PriceBook

        return PriceBook(self._books)

    def refresh(self, transaction: Transaction, latest: str | None) -> None:
        """Read the budgets anew."""
        from ledger.limits.budgets import read

        self.budgets = read(transaction)
        self._latest = latest

    def wanted(self, facts: "Facts", moment: "dt.datetime") -> "dict[str, Budget]":
        """The balances that a request is counted in, as far as is known."""
        if not self.budgets:
            return {}
        from ledger.limits.budgets import counters

        return counters(self.budgets, facts, moment)
