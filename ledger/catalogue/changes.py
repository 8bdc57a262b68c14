"""What differs between two looks at the catalogue."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.catalogue.reading import Entry
from ledger.openrouter import pricing
from ledger.openrouter.pricing import Pricing


@dataclass(frozen=True, slots=True)
class Change:
    """How one model or offer differs between two times.

    Attributes:
        kind: `new`, `gone` or `changed`.
        fields: what changed: name, value before, value after.
    """

    model: str
    endpoint: str | None
    kind: str
    fields: tuple[tuple[str, Any, Any], ...] = ()


_COMPARED = (
    "context_length",
    "max_completion_tokens",
    "max_prompt_tokens",
    "input_kinds",
    "output_kinds",
    "supported_parameters",
    "quantization",
    "expires_on",
)


def changes(before: Iterable[Entry], after: Iterable[Entry]) -> list[Change]:
    """What differs between two looks, by model and endpoint."""
    old = {(entry.model, entry.endpoint or ""): entry for entry in before}
    new = {(entry.model, entry.endpoint or ""): entry for entry in after}
    found = [_change(old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())]
    return [change for change in found if change is not None]


def _change(old: Entry | None, new: Entry | None) -> Change | None:
    if old is None or new is None:
        one = new or old
        assert one is not None
        return Change(one.model, one.endpoint, "gone" if new is None else "new")
    fields = [
        (name, getattr(old, name), getattr(new, name))
        for name in _COMPARED
        if getattr(old, name) != getattr(new, name)
    ]
    fields += _price_changes(old.pricing, new.pricing)
    if not fields and old.pricing_text != new.pricing_text:
        fields = [("pricing", old.pricing_text, new.pricing_text)]
    return Change(new.model, new.endpoint, "changed", tuple(fields)) if fields else None


def _price_changes(old: Pricing, new: Pricing) -> list[tuple[str, Any, Any]]:
    prices = [
        (f"{kind}_price", old.base.get(kind), new.base.get(kind))
        for kind in pricing.KINDS
        if old.base.get(kind) != new.base.get(kind)
    ]
    others = [
        (name, getattr(old, name), getattr(new, name))
        for name in ("overrides", "discount")
        if getattr(old, name) != getattr(new, name)
    ]
    return prices + others
