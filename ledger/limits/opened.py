"""Opening balances in budgets: what files state beyond the calls that are known one by one.

A file tells its totals by time and again by caller: budgets for callers count the one, all others
the other. A balance falls on the beginning of its day.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ledger import clock
from ledger.books.unit import Transaction
from ledger.limits import budgets as in_force
from ledger.limits import counters
from ledger.limits.scopes import Facts


class Opened(NamedTuple):
    """One balance: its day, breakdown, amount, and all that is known of whose it is."""

    day: str
    breakdown: str
    pico: int
    caller: str | None
    model: str | None


def count(transaction: Transaction, balances: Iterable[Opened]) -> None:
    """Add balances to what the budgets in force have spent, in the transaction that books them."""
    if transaction.look(in_force.LATEST) is None:  # there never was any budget
        return
    budgets = in_force.read(transaction)
    for each in balances:
        moment = clock.from_text(f"{each.day}T00:00:00.000000Z")
        facts = Facts(each.caller, each.caller, each.model, {})
        mine = [budget for budget in budgets if budget.scope.not_counted != each.breakdown]
        wanted = in_force.counters(mine, facts, moment)
        counters.lock(transaction, wanted)
        counters.add(transaction, wanted, moment, spent=each.pico)
