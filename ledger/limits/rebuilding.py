"""The balances proven equal to the facts, and made anew from them."""

from dataclasses import dataclass

from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.limits import budgets as in_force
from ledger.limits import counters, counting
from ledger.limits.balances import Reader
from ledger.limits.budgets import Budget, Runs
from ledger.limits.counters import Balance, sql

_NOTHING = Balance(0, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """A balance that is not what the facts come to, in 1e-12 USD.

    Attributes:
        budget: its name.
        period: the first day of the period, or `total`.
        spent_pico, held_pico: as they are kept.
        facts_spent_pico, facts_held_pico: as the facts have them.
    """

    budget: str
    period: str
    spent_pico: int
    held_pico: int
    facts_spent_pico: int
    facts_held_pico: int


def differences(books: Books) -> list[Difference]:
    """Every balance of a budget in force that is not what the facts come to; none, if all is well.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        reader = Reader(connection)
        return [
            Difference(budget.name, period, *kept, *facts)
            for budget in in_force.read(reader)
            for period, kept, facts in _compared(reader, budget)
            if kept != facts
        ]


def rebuild(transaction: Transaction) -> None:
    """A step: make every balance of a budget in force what the facts come to."""
    transaction.alone()
    for budget in in_force.read(transaction):
        for period, _, facts in list(_compared(transaction, budget)):
            counter = f"{budget.counted_as}/{period}"
            counters.put(transaction, counter, budget, period, facts)
            values = [budget.ceiling_pico, *facts, counter]
            transaction.run(sql("adjust", transaction.engine), values)


def _compared(reader: Runs, budget: Budget) -> list[tuple[str, Balance, Balance]]:
    """Each period with what is kept of it, and what the facts come to."""
    rows = reader.run(sql("kept", reader.engine), [budget.counted_as])
    kept = {period: Balance(spent, held) for period, spent, held in rows}
    facts = counting.sums(reader, budget)
    return [
        (period, kept.get(period, _NOTHING), facts.get(period, _NOTHING))
        for period in sorted(kept | facts)
    ]
