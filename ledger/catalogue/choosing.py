"""Which models of a list somebody wants to see: by name, price, length, kinds and parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ledger.catalogue.reading import Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model must have; what isn't set is not asked for.

    A figure that is not listed, or that nobody knows, meets no bound.

    Attributes:
        text: is in its slug or name, whatever the case.
        free: prompts, completions and requests cost nothing, whatever the conditions.
        max_prompt_price, max_completion_price: USD per million tokens at most, as listed for
            the usual conditions.
        min_context_length: tokens at least.
        input_kinds, output_kinds: takes, or answers with, all of these.
        supported_parameters: takes all of these.
    """

    text: str = ""
    free: bool = False
    max_prompt_price: Decimal | None = None
    max_completion_price: Decimal | None = None
    min_context_length: int | None = None
    input_kinds: frozenset[str] = frozenset()
    output_kinds: frozenset[str] = frozenset()
    supported_parameters: frozenset[str] = frozenset()

    def takes(self, entry: Entry) -> bool:
        """Whether a model is wanted."""
        return (
            self._names(entry)
            and (entry.pricing.is_free or not self.free)
            and _at_most(entry.per_million("prompt"), self.max_prompt_price)
            and _at_most(entry.per_million("completion"), self.max_completion_price)
            and self._is_long_enough(entry)
            and self.input_kinds <= set(entry.input_kinds)
            and self.output_kinds <= set(entry.output_kinds)
            and self.supported_parameters <= set(entry.supported_parameters)
        )

    def _names(self, entry: Entry) -> bool:
        wanted = self.text.casefold()
        return wanted in entry.model.casefold() or wanted in (entry.name or "").casefold()

    def _is_long_enough(self, entry: Entry) -> bool:
        if self.min_context_length is None:
            return True
        return entry.context_length is not None and entry.context_length >= self.min_context_length


def chosen(entries: Iterable[Entry], wanted: Wanted | None) -> list[Entry]:
    """Those that are wanted; all, where nothing is asked for."""
    return [entry for entry in entries if wanted is None or wanted.takes(entry)]


def _at_most(price: Decimal | None, bound: Decimal | None) -> bool:
    return bound is None or (price is not None and price <= bound)
