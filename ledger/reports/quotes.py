"""A quote, for a terminal."""

from typing import IO

from ledger import money
from ledger.limits.bound import Part
from ledger.limits.quoting import Quote
from ledger.reports.tables import print_facts


def quote(found: Quote, *, file: IO[str] | None = None) -> None:
    """Print what a call can cost, of what that is made, and what such calls have cost."""
    facts = [("model", found.model), ("caller", found.caller)]
    if found.bound_pico is None:
        facts.append(("at most", f"unbounded: {found.unbounded}"))
    else:
        facts.append(("at most", f"{money.usd_text(found.bound_pico)} USD, an upper bound"))
        facts += [(f"  {part.kind}", _part(part)) for part in found.parts]
        facts.append(("  by the offer of", found.bound_provider or "the model's own listing"))
    facts.append(("median", _median(found)))
    print_facts(facts, file)


def _part(part: Part) -> str:
    of_each = f"{part.units:,} x {money.usd_text(part.pico_each)} USD a {part.unit}"
    return f"{money.usd_text(part.pico)} USD: {of_each}"


def _median(found: Quote) -> str:
    if found.median_pico is None:
        return "none: this caller has no finished call of this model with a known cost"
    amount = money.usd_text(found.median_pico)
    return f"{amount} USD, of the caller's own {found.calls:,} finished calls"
