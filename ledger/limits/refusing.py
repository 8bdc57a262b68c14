"""What is said of a budget that has no room, or little."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal

from ledger import clock, money
from ledger.errors import BudgetExceeded
from ledger.limits.budgets import Budget
from ledger.limits.counters import Balance

_NOTHING = Balance(0, 0)


def exceeded(
    wanted: Mapping[str, Budget],
    balances: Mapping[str, Balance],
    short: Sequence[str],
    moment: dt.datetime,
    amount: int,
) -> BudgetExceeded:
    """The error for a call that could go beyond a budget: the one with the least room.

    Args:
        wanted: the budgets that the call falls under, by their balances' ids.
        balances: what they have spent and held.
        short: those without room.
        moment: when the call was to start.
        amount: the most that it could cost, in 1e-12 USD.
    """

    def room(counter: str) -> int:
        return wanted[counter].limit_pico - balances.get(counter, _NOTHING).pico

    tightest = min(short, key=room)
    budget, balance = wanted[tightest], balances.get(tightest, _NOTHING)
    resets_at = budget.period_of(moment).end
    return BudgetExceeded(
        f"Budget {budget.name!r} ({budget.terms}) has no room: {_usd(balance.spent_pico)} spent,"
        f" {_usd(balance.held_pico)} held, and this call could cost {_usd(amount)}.",
        hint=_advice(resets_at),
        budget=budget.name,
        scope=str(budget.scope),
        limit=_amount(budget.limit_pico),
        spent=_amount(balance.spent_pico),
        held=_amount(balance.held_pico),
        could_cost=_amount(amount),
        left=_amount(max(room(tightest), 0)),
        resets_at=resets_at,
    )


def fits(refused: BudgetExceeded, max_tokens: int | None) -> None:
    """Tell with which limit of tokens a refused call would fit now."""
    if max_tokens is not None:
        refused.max_tokens = max_tokens
        said = f"It would fit with max_tokens={max_tokens}."
        refused.hint = f"{said} {refused.hint}"


def warning(budget: Budget, balance: Balance) -> tuple[str, ...]:
    """The line about a budget that is used up, or nearly: its text and values."""
    said = "budget %r (%s): %s spent and %s held"
    return said, budget.name, budget.terms, _usd(balance.spent_pico), _usd(balance.held_pico)


def _advice(resets_at: dt.datetime | None) -> str:
    if resets_at is None:
        return "It never resets: raise it with `python -m ledger budget set`."
    return f"It resets at {clock.to_text(resets_at)}, or raise it: `python -m ledger budget set`."


def _amount(pico: int) -> Decimal:
    return Decimal(money.usd_text(pico))


def _usd(pico: int) -> str:
    return f"{money.usd_text(pico)} USD"
