"""What one request claims of the budgets: held before it is sent, let go when its cost is known."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ledger import logs, money
from ledger.books.base import Table
from ledger.books.unit import Guarded, Transaction
from ledger.errors import BudgetExceeded, CallRefused, Unbounded
from ledger.limits.gate import Gate
from ledger.limits.scopes import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.books.models import Hold, Outcome, Request
    from ledger.limits.budgets import Budget
    from ledger.limits.counters import Balance


class Most(Protocol):
    """The most that a request can cost."""

    def __call__(self) -> tuple[int, str]:
        """In 1e-12 USD, and whose figure it is (`hold.basis`).

        Raises:
            Unbounded: nobody knows.
        """
        ...

    def explain(self, refused: BudgetExceeded) -> None:
        """Tell a refusal with which limit of tokens the call would fit now."""
        ...


class Claim:
    """What a request takes of the budgets that it falls under, and gives back.

    Args:
        gate: knows the budgets.
        request: the request's row.
        facts: what decides which budgets it falls under.
        most: the most that it can cost.
        refusal: makes the row of a refusal.

    Attributes:
        amount: what is held for it, in 1e-12 USD; None where nothing is.
        refused: why it was refused, where it was.
    """

    def __init__(
        self,
        gate: Gate,
        request: "Request",
        facts: Facts,
        most: Most,
        refusal: Callable[[CallRefused], Table],
    ) -> None:
        self.gate = gate
        self.request = request
        self.facts = facts
        self.refusal = refusal
        self.amount: int | None = None
        self.refused: CallRefused | None = None
        self._basis = "none"
        self._among: tuple[Budget, ...] | None = None
        self._wanted: dict[str, Budget] = {}
        self._most = most
        self._found: tuple[int, str] | CallRefused | None = None
        self._warnings: list[tuple[Any, ...]] = []

    def wanted(self) -> "dict[str, Budget]":
        """The balances that it is counted in: the same, as long as the budgets are."""
        budgets = self.gate.budgets
        if self._among is not budgets:
            self._wanted = self.gate.wanted(self.facts, self.request.started_at)
            self._among = budgets
        return self._wanted

    def prepare(self) -> None:
        """Find out what it can cost, before a transaction waits for that."""
        if self._found is None and self.wanted():
            self._assess()

    def take(self, transaction: Transaction) -> "Hold | None":
        """Hold what it can cost in every budget that it falls under, or in none.

        Returns:
            The row of the hold; None where it falls under no budget.

        Raises:
            BudgetExceeded: one that refuses has no room.
            Unbounded: one refuses, and nobody knows what it can cost.
        """
        from ledger.books.models import Hold
        from ledger.limits import counters, refusing

        self.amount = self.refused = None
        wanted, moment = self.wanted(), self.request.started_at
        if not wanted:
            return None
        amount, basis = self._amount(wanted)
        balances, short = counters.take(transaction, wanted, moment, amount)
        if short:
            raise refusing.exceeded(wanted, balances, short, moment, amount)
        self._note(wanted, balances)
        self.amount, self._basis = amount, basis
        return Hold.booked(id=self.request.id, at=moment, amount_pico=amount, basis=basis)

    def let_go(self, transaction: Transaction, outcome: "Outcome") -> None:
        """Book an outcome; where it says what the request cost, that counts from now on."""
        from ledger.limits import counting

        known = known_pico(outcome)
        if self.amount is not None and known is None:
            transaction.insert(outcome)  # held on
        elif self.amount is None and not self.wanted():
            transaction.insert(outcome)  # no budget's
        elif self.amount is None or known is None or not self._release(transaction, known):
            # Something was learnt of it elsewhere meanwhile, or a budget was set.
            counting.counted(
                transaction, [outcome.id], lambda: transaction.insert(outcome), self.gate.budgets
            )
        else:
            end = counting.end_row(outcome.id, outcome.cost_grade, known, self.amount)
            transaction.insert(outcome, end)
            # Nothing is read of a row whose class may be loaded, and not configured yet.
            if known > self.amount and self._basis != "none":
                self._warnings.append(_over(outcome.id, self.facts, known, self.amount))

    def _release(self, transaction: Transaction, known: int) -> bool:
        """Count what it cost instead of what was held; False, and nothing, where it has ended."""
        from ledger.limits import counters

        wanted, held = self.wanted(), self.amount or 0
        if not wanted:
            return False
        request_id, ids = self.request.id, list(wanted)
        balances = counters.release(transaction, ids, request_id, spent=known, held=-held)
        if len(balances) < len(wanted):
            if balances:
                counters.move(transaction, list(balances), spent=-known, held=held)
            return False
        self._note(wanted, balances)
        return True

    def tell(self) -> None:
        """Say what is to be said about the budgets, once what was written is in the books."""
        if isinstance(self.refused, BudgetExceeded) and self.refused.max_tokens is None:
            self._most.explain(self.refused)
        while self._warnings:
            logs.log_once(*self._warnings.pop(0))

    def _amount(self, wanted: "Mapping[str, Budget]") -> tuple[int, str]:
        """What to hold, and whose figure that is."""
        if self._found is None:
            self._assess()
        if not isinstance(self._found, CallRefused):
            assert self._found is not None
            return self._found
        refusing = next((each for each in wanted.values() if each.refuses), None)
        if refusing is None:
            return 0, "none"
        why = self._found
        said = f"Budget {refusing.name!r} needs to know what a call can cost at most."
        raise Unbounded(f"{said} {why.message}", hint=why.hint)

    def _assess(self) -> None:
        try:
            self._found = self._most()
        except CallRefused as unbounded:
            self._found = unbounded

    def _note(self, wanted: "Mapping[str, Budget]", balances: "Mapping[str, Balance]") -> None:
        """Keep the warnings that balances are due."""
        from ledger.limits import refusing

        for counter, balance in balances.items():
            budget = wanted[counter]
            level = budget.level(balance.spent_pico + balance.held_pico)
            if level is not None:
                key = f"budget:{counter}:{budget.limit_pico}:{level}"
                self._warnings.append((key, logging.WARNING, *refusing.warning(budget, balance)))


def known_pico(outcome: "Outcome") -> int | None:
    """What an outcome says that its request cost; None where it doesn't."""
    if outcome.cost_grade == "not_charged":
        return 0
    if outcome.cost_pico is None:
        return None
    upstream = outcome.upstream_pico or 0 if outcome.is_byok else 0
    return outcome.cost_pico + upstream


def _over(request_id: str, facts: Facts, known: int, amount: int) -> tuple[Any, ...]:
    """The line about a cost above its hold."""
    said = "request %s: caller %s, model %s: it cost %s USD, above the %s USD held for it"
    usd = (money.usd_text(known), money.usd_text(amount))
    return f"over:{request_id}", logging.WARNING, said, request_id, facts.caller, facts.model, *usd


class Taking(Guarded):
    """A request's row and what belongs to it, once the budgets have room for it.

    What it gives is the refusal, where it is refused: then that is booked in the row's place.
    """

    def __init__(self, claim: Claim, rows: Sequence[Table]) -> None:
        self.rows = tuple(rows)
        self.guard = claim.gate
        self._claim = claim

    def rollups(self) -> Iterable[str]:
        """The balances."""
        return self._claim.wanted()

    def step(self, transaction: Transaction) -> CallRefused | None:
        """Hold and insert, or refuse."""
        claim = self._claim
        try:
            hold = claim.take(transaction)
        except CallRefused as refused:
            claim.refused = refused
            transaction.add(claim.refusal(refused))
            return refused
        transaction.insert(*self.rows, *([hold] if hold is not None else ()))
        return None


class Ending(Guarded):
    """A request's outcome, and the end of its hold."""

    def __init__(self, claim: Claim, outcome: "Outcome") -> None:
        self.rows = (outcome,)
        self.guard = claim.gate
        self.outcome = outcome
        self._claim = claim

    def rollups(self) -> Iterable[str]:
        """The balances."""
        return self._claim.wanted()

    def step(self, transaction: Transaction) -> None:
        """Book it. What was refused was never sent: nothing of it ended."""
        if self._claim.refused is None:
            self._claim.let_go(transaction, self.outcome)
