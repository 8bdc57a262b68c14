"""Setting and removing budgets: rows that are added, by whoever's process it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger import clock
from ledger.books.ids import new_id
from ledger.books.models import Budget as BudgetRow
from ledger.books.unit import Step, Transaction
from ledger.errors import NotFoundInLedger, RequestInvalid
from ledger.limits import budgets as in_force
from ledger.limits import counters, counting
from ledger.limits.budgets import Budget
from ledger.limits.counters import sql
from ledger.limits.periods import KINDS, zone
from ledger.limits.scopes import Scope

AT_LIMIT = ("refuse", "warn")
_MAX_NAME = 64
_MAX_PERCENT = 100
_NEWEST = "SELECT coalesce(max(number), 0) FROM budget"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a budget is to be.

    Attributes:
        name: what it is called by.
        limit_pico: what may be spent in a period, in 1e-12 USD.
        scope: whose calls count.
        period: `day`, `week`, `month` or `total`.
        zone: the time zone by whose clocks a period begins.
        warn_percent: at which part of the limit a warning is due; None for never.
        at_limit: `refuse` or `warn`.
    """

    name: str
    limit_pico: int
    scope: Scope
    period: str
    zone: str = "UTC"
    warn_percent: int | None = None
    at_limit: str = "refuse"

    def check(self) -> None:
        """What a module without types, or a command line, may have said.

        Raises:
            RequestInvalid: one of them can't be.
        """
        if not (0 < len(self.name) <= _MAX_NAME and self.name.isprintable()):
            raise RequestInvalid(f"A budget's name has 1 to {_MAX_NAME} printable characters.")
        for what, value, known in (
            ("period", self.period, KINDS),
            ("action at the limit", self.at_limit, AT_LIMIT),
        ):
            if value not in known:
                said = f"A budget's {what} is {', '.join(known[:-1])} or {known[-1]}"
                raise RequestInvalid(f"{said}, not {str(value)[:80]!r}.")
        percent = self.warn_percent
        if percent is not None and not 0 < percent <= _MAX_PERCENT:
            raise RequestInvalid("A warning is due at 1% to 100% of the limit.")
        zone(self.zone)


def setting(terms: Terms, process_id: str) -> Step:
    """A step: set a budget, or change it. It is in force when the step is committed.

    With the same scope and period it goes on counting, else it begins anew with what the facts
    say of the present period.
    """

    def step(transaction: Transaction) -> None:
        transaction.alone()
        before = _stands(transaction, terms.name)
        row = _row(transaction, terms, process_id)
        goes_on = before is not None and _shape(before) == (terms.scope, terms.period, terms.zone)
        row.counted_as = before.counted_as if before is not None and goes_on else row.id
        transaction.add(row)
        budget = _stands(transaction, terms.name)
        assert budget is not None
        if goes_on:
            limits = [budget.ceiling_pico, budget.counted_as]
            transaction.run(sql("limit", transaction.engine), limits)
        else:
            open_balances(transaction, budget)

    return step


def removing(name: str, process_id: str) -> Step:
    """A step: remove a budget. What it was, and what it had spent, stays in the books.

    Raises (in the transaction):
        NotFoundInLedger: no budget of that name is in force.
    """

    def step(transaction: Transaction) -> None:
        transaction.alone()
        budgets = in_force.read(transaction)
        found = next((each for each in budgets if each.name == name), None)
        if found is None:
            raise unknown(name, budgets)
        terms = Terms(
            name,
            found.limit_pico,
            found.scope,
            found.period,
            found.zone,
            found.warn_percent,
            found.at_limit,
        )
        row = _row(transaction, terms, process_id)
        row.kind, row.counted_as = "removed", found.counted_as
        transaction.add(row)

    return step


def unknown(name: str, budgets: Sequence[Budget]) -> NotFoundInLedger:
    """The error for a name that no budget in force has."""
    listed = ", ".join(each.name for each in budgets) or "none"
    return NotFoundInLedger(f"No budget {name[:80]!r} is in force.", hint=f"In force: {listed}.")


def open_balances(transaction: Transaction, budget: Budget) -> None:
    """Begin a budget's balances with what the facts say."""
    found = counting.sums(transaction, budget)
    found.setdefault(budget.period_of(budget.since).label, counters.Balance(0, 0))
    for label, balance in found.items():
        counters.put(transaction, f"{budget.counted_as}/{label}", budget, label, balance)


def _stands(transaction: Transaction, name: str) -> Budget | None:
    return next((each for each in in_force.read(transaction) if each.name == name), None)


def _shape(budget: Budget) -> tuple[Scope, str, str]:
    return budget.scope, budget.period, budget.zone


def _row(transaction: Transaction, terms: Terms, process_id: str) -> BudgetRow:
    row_id = new_id()
    ((newest,),) = transaction.run(_NEWEST)
    return BudgetRow(
        id=row_id,
        process_id=process_id,
        at=clock.now(),
        number=int(newest) + 1,
        name=terms.name,
        kind="set",
        counted_as=row_id,
        scope=terms.scope.kind,
        scope_key=terms.scope.key,
        scope_value=terms.scope.value,
        period=terms.period,
        zone=terms.zone,
        limit_pico=terms.limit_pico,
        warn_percent=terms.warn_percent,
        at_limit=terms.at_limit,
    )
