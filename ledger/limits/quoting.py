"""What a call can cost, and what such calls have cost: said before it is made, booked nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger import money
from ledger.books.books import Books
from ledger.books.sql_files import query
from ledger.errors import Unbounded
from ledger.limits.bound import Part, upper_bound
from ledger.limits.rates import Catalogue

NEWEST = 1_000
"""So many of the newest calls stand behind a median."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What one call can cost at most, and what the caller's own have cost. Neither is booked.

    Attributes:
        caller: whose calls were looked at.
        model: the model that is asked.
        bound_pico: the upper bound, by the catalogue; `bound_usd` is the same in USD. None where
            there is none: `unbounded` says why, and what would bound it.
        parts: what the bound is made of.
        bound_model, bound_provider: whose offer the bound is: the dearest that may serve it.
        median_pico: the median of what the caller's own finished calls of that model cost;
            `median_usd` is the same in USD. None where there is none with a known cost.
        calls: how many calls stand behind the median.
    """

    caller: str
    model: str
    bound_pico: int | None
    bound_usd: Decimal | None
    parts: tuple[Part, ...]
    bound_model: str | None
    bound_provider: str | None
    unbounded: str | None
    median_pico: int | None
    median_usd: Decimal | None
    calls: int


def quote(  # noqa: PLR0913, PLR0917 - what is asked, by whom, and who knows
    books: Books,
    catalogue: Catalogue,
    caller: str,
    payload: Mapping[str, Any],
    endpoint: str,
    max_cost: Decimal | None = None,
) -> Quote:
    """Quote a request.

    Args:
        books: where the caller's calls are.
        catalogue: what models cost.
        caller: whose call it would be.
        payload: its body, as it would be sent.
        endpoint: which service, as `request.endpoint` is booked.
        max_cost: USD by the caller's word.

    Raises:
        LedgerUnavailable: the books can't be read.
    """
    model = str(payload.get("model"))
    seen = _seen(books, caller, model)
    middle = median(seen)
    bound, unbounded = None, None
    try:
        bound = upper_bound(payload, endpoint, catalogue, max_cost)
    except Unbounded as error:
        unbounded = f"{error.message} {error.hint}"
    return Quote(
        caller=caller,
        model=model,
        bound_pico=bound.pico if bound else None,
        bound_usd=bound.usd if bound else None,
        parts=bound.parts if bound else (),
        bound_model=bound.model if bound else None,
        bound_provider=bound.provider if bound else None,
        unbounded=unbounded,
        median_pico=middle,
        median_usd=None if middle is None else money.to_usd(middle),
        calls=len(seen),
    )


def median(ascending: Sequence[int]) -> int | None:
    """The median, of an even number the lower one: an amount that was really paid."""
    return ascending[(len(ascending) - 1) // 2] if ascending else None


def _seen(books: Books, caller: str, model: str) -> list[int]:
    values = {"caller": caller, "model": model, "most": NEWEST}
    with books.read() as connection:
        rows = connection.execute(query("seen_costs", connection.dialect.name), values)
        return [int(row.total_pico) for row in rows]
