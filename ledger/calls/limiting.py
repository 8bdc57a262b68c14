"""What a call may take of the budgets: its claim, and the most that it can cost."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ledger import money
from ledger.books.base import Table
from ledger.calls.recorder import Exchange
from ledger.errors import BudgetExceeded, CallRefused, Unbounded
from ledger.limits.claims import Claim, Taking
from ledger.limits.gate import Gate
from ledger.limits.scopes import Facts
from ledger.openrouter import exact

if TYPE_CHECKING:
    from ledger.limits.bound import Bound


def limited(
    exchange: Exchange,
    gate: Gate,
    facts: Facts,
    max_cost: int | None,
    refusal: Callable[[CallRefused], Table],
) -> None:
    """Let the budgets decide whether a call is made, in the write that records it.

    Args:
        exchange: the call, its rows and body in place.
        gate: knows the budgets.
        facts: what decides which budgets it falls under.
        max_cost: the most that it may cost by its caller's word, in 1e-12 USD.
        refusal: makes the row of a refusal.
    """
    most = Most(exchange, gate, max_cost)
    exchange.claim = claim = Claim(gate, exchange.request, facts, most, refusal)
    claim.prepare()
    rows = exchange.work
    assert all(isinstance(row, Table) for row in rows)
    exchange.work = (Taking(claim, rows),)  # type: ignore[arg-type] # so it has just been said


class Most:
    """The most that a call can cost; worked out only where a budget asks.

    Args:
        exchange: the call, with its body.
        gate: knows what models cost.
        max_cost: the most by its caller's word, in 1e-12 USD.
    """

    def __init__(self, exchange: Exchange, gate: Gate, max_cost: int | None) -> None:
        self._exchange = exchange
        self._gate = gate
        self._max_cost = max_cost

    def __call__(self) -> tuple[int, str]:
        """In 1e-12 USD, and whose figure it is.

        Raises:
            Unbounded: nobody knows.
        """
        found = self._bound()
        declared = any(part.kind == "declared" for part in found.parts)
        return found.pico, "max_cost" if declared else "bound"

    def explain(self, refused: BudgetExceeded) -> None:
        """Tell a refusal with which limit of tokens the call would fit now."""
        from ledger.limits import bound, refusing

        assert refused.left is not None
        left, payload = money.to_pico(refused.left), self._payload()
        endpoint = self._exchange.request.endpoint
        try:
            tokens = bound.largest_limit(payload, endpoint, self._gate.prices, left)
        except Unbounded:
            return
        refusing.fits(refused, tokens)

    def _bound(self) -> "Bound":
        from ledger.limits.bound import upper_bound

        declared = None if self._max_cost is None else money.to_usd(self._max_cost)
        endpoint = self._exchange.request.endpoint
        return upper_bound(self._payload(), endpoint, self._gate.prices, declared)

    def _payload(self) -> dict[str, Any]:
        """The body as an object; empty for one that is none, or that was not read."""
        try:
            found = exact.loads(self._exchange.sent)
        except exact.NotJson:
            return {}
        return found if isinstance(found, dict) else {}
