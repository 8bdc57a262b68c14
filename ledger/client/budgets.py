"""Budgets: setting, looking at and removing them, and deciding what nobody can be asked."""

from decimal import Decimal
from typing import TYPE_CHECKING

from ledger import money
from ledger.client.wiring import Wired
from ledger.errors import RequestInvalid

if TYPE_CHECKING:
    from ledger.limits.balances import BudgetChange, BudgetState, HeldRequest
    from ledger.reports.rows import RequestStatus

USD = Decimal | int | str
"""An exact amount; a float is none."""


class Budgets(Wired):
    """What may be spent."""

    def set_budget(  # noqa: PLR0913 - what can be said of a budget
        self,
        name: str,
        *,
        limit: USD,
        per: str,
        caller: str | None = None,
        chain_member: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        tz: str = "UTC",
        warn: int | None = 80,
        then: str = "refuse",
    ) -> "BudgetState":
        """Set a budget, or change the one of that name. It is in force from now on.

        What was spent in the present period counts. A new limit goes on counting; a new scope,
        period or zone begins anew. With no scope, everyone's calls count.

        Args:
            name: what to call it by.
            limit: USD that may be spent in a period, exact: `"5"`, `Decimal("0.5")`.
            per: `day`, `week` (from Monday), `month` or `total`.
            caller: only this caller's calls.
            chain_member: only calls that this caller made, itself or through others.
            model: only calls that ask for this model.
            tag: only calls with this tag, `task=summary`.
            tz: the time zone by whose clocks a period begins.
            warn: the percentage of the limit at which a warning is due; None for never.
            then: `refuse` a call that could go beyond the limit, or only `warn`.

        Raises:
            RequestInvalid, CallerInvalid, TagInvalid: one of them can't be.
            LedgerUnavailable: the books can't be written.
        """
        from ledger.limits import balances, setting
        from ledger.limits.scopes import scope_of

        scope = scope_of(caller=caller, chain_member=chain_member, model=model, tag=tag)
        amount = money.given(limit, "limit")
        terms = setting.Terms(name, amount, scope, per, tz, warn, then)
        terms.check()
        self._open_once()
        self.books.writer.write(setting.setting(terms, self.books.process.id))
        return next(each for each in balances.states(self.books) if each.name == name)

    def remove_budget(self, name: str) -> None:
        """Remove a budget. Its history stays.

        Raises:
            NotFoundInLedger: no budget of that name is in force.
            LedgerUnavailable: the books can't be written.
        """
        from ledger.limits import setting

        self._open_once()
        self.books.writer.write(setting.removing(name, self.books.process.id))

    def budgets(self) -> "list[BudgetState]":
        """Every budget in force: what it has spent, holds and has left, and when it resets."""
        from ledger.limits import balances

        return balances.states(self.books)

    def held(self) -> "list[HeldRequest]":
        """Every request whose cost is not known and for which budgets hold something."""
        from ledger.limits import balances

        return balances.held(self.books)

    def resolve(self, request_id: str, cost: USD | None = None) -> "RequestStatus":
        """Say what a request cost that nobody can be asked about; its grade is `declared`.

        A record of the provider's, where one comes after all, counts instead.

        Args:
            request_id: its id, the beginning of it, or its generation id.
            cost: USD, exact; None: it was never sent.

        Raises:
            NotFoundInLedger: there is no such request.
            RequestInvalid: its cost is known, or it is still under way.
            LedgerUnavailable: the books can't be written.
        """
        from ledger.limits import balances, resolving
        from ledger.reports import queries

        amount = None if cost is None else money.given(cost, "cost")
        found = queries.request(self.books, request_id)
        if found.status == "open" and balances.life(self.books, found.id) == "running":
            raise RequestInvalid(
                f"Request {found.id} is still under way: its process runs here.",
                hint="Wait for its end, or end that process.",
            )
        self._open_once()
        process_id = self.books.process.id
        self.books.writer.write(resolving.resolving(found.id, amount, process_id))
        return queries.request(self.books, found.id)

    def budget_history(self, name: str | None = None) -> "list[BudgetChange]":
        """Every change of the budgets, or of those of a name, oldest first, and who made it."""
        from ledger.limits import balances

        return balances.history(self.books, name)
