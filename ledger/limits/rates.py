"""The highest prices that an offer lists, as whole picodollars a unit, rounded up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from ledger import money
from ledger.catalogue.reading import Entry
from ledger.limits.openness import unbounded
from ledger.limits.sizes import Size
from ledger.openrouter.pricing import Prices, Pricing

_READ, _WRITE, _WRITE_1H = "input_cache_read", "input_cache_write", "input_cache_write_1h"
_SPOKEN = ("completion", "internal_reasoning")
_SHOWN = ("image_token", "image_output", "audio_output")
_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
_TEXT_ONLY = ("text",)
# They choose a provider and no price: the model's own listing has them all.
_ROUTING = (":nitro", ":floor", ":exacto", ":thinking")


class Catalogue(Protocol):
    """What models and providers ask for."""

    def entries(self, model: str) -> Sequence[Entry]:
        """A model's listing, then each provider's offer of it; nothing where it isn't listed."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one offer asks for at most, in 1e-12 USD a unit.

    Attributes:
        prompt, completion: a token.
        picture: a picture that is sent; 0 where it has no price of its own.
        picture_token, sound_token: a token of what is sent.
        request, search: one of them.
        most: completion tokens of an answer; None where nobody says.
        context: the context length; None where nobody says.
        keeps_limits: whether it lists a parameter that limits the answer.
    """

    model: str
    provider: str | None
    prompt: int
    completion: int
    picture: int
    picture_token: int
    sound_token: int
    request: int
    search: int
    most: int | None
    context: int | None
    keeps_limits: bool

    @property
    def has_price(self) -> bool:
        """Whether anything costs something: what is priced elsewhere is listed at zero."""
        return bool(self.prompt or self.completion or self.request or self.picture)


def offers(model: str, size: Size, catalogue: Catalogue) -> Iterator[Rates]:
    """The prices of everybody who may serve a request with a model.

    Raises:
        Unbounded: it isn't listed, or a price isn't known.
    """
    found = catalogue.entries(model) or catalogue.entries(_bare(model))
    if not found:
        raise unbounded(
            f"the catalogue lists no {model}", "Look it up: `python -m ledger models sync`."
        )
    listing, *offered = found
    if not offered:
        raise unbounded(
            f"the catalogue has nobody who offers {model}",
            "Look it up: `python -m ledger models sync`.",
        )
    context = max((each.context_length or 0 for each in found), default=0) or None
    for entry in (listing, *offered):
        rates = _rates(entry, listing, size, context)
        if not (size.is_limitable or rates.has_price or model.endswith(":free")):
            raise unbounded(f"the catalogue lists no price at all for {model}")
        yield rates


def _bare(model: str) -> str:
    for suffix in _ROUTING:
        model = model.removesuffix(suffix)
    return model


def _rates(entry: Entry, listing: Entry, size: Size, context: int | None) -> Rates:
    """The highest prices of one offer that a request of that size can meet."""
    listed = _Listed(entry, size.most_prompt_tokens)
    prompt = listed.needed("prompt")
    written = listed.highest(_WRITE, *((_WRITE_1H,) if size.media.has_ttl else ()))
    read = listed.highest(_READ)
    prompt = max(prompt, written + read if written else read)
    shows = listing.output_kinds != _TEXT_ONLY
    needed = listed.needed("completion") if size.completes else 0
    completion = max(needed, listed.highest(*_SPOKEN, *(_SHOWN if shows else ())))
    return Rates(
        model=listing.model,
        provider=entry.provider,
        prompt=prompt,
        completion=completion,
        picture=listed.highest("image"),
        picture_token=max(prompt, listed.highest("image_token")),
        sound_token=max(prompt, listed.highest("audio", "input_audio_cache")),
        request=listed.highest("request"),
        search=listed.highest("web_search") if _searches(listing) else 0,
        most=_most(entry, listing),
        context=context,
        keeps_limits=not entry.supported_parameters
        or not _LIMITS.isdisjoint(entry.supported_parameters),
    )


def _searches(listing: Entry) -> bool:
    """Whether a model searches the web by itself: it lists how much of it is wanted."""
    return "web_search_options" in listing.supported_parameters


def _most(entry: Entry, listing: Entry) -> int | None:
    """The most completion tokens of an answer."""
    own = entry.max_completion_tokens or entry.context_length
    return own or listing.max_completion_tokens or listing.context_length


class _Listed:
    """The prices of one offer under every condition that a prompt of that length can meet."""

    def __init__(self, entry: Entry, prompt_tokens: int) -> None:
        self._model = entry.model
        self._all = list(_reachable(entry.pricing, prompt_tokens))

    def highest(self, *kinds: str) -> int:
        """The highest price of any of the kinds; 0 where none is listed.

        Raises:
            Unbounded: one is listed, and nobody knows it.
        """
        found = 0
        for kind in kinds:
            for prices in self._all:
                if kind in prices:
                    found = max(found, self._pico(kind, prices[kind]))
        return found

    def needed(self, kind: str) -> int:
        """The same, for what is billed in any case.

        Raises:
            Unbounded: it is not listed, or nobody knows it.
        """
        if not any(kind in prices for prices in self._all):
            raise self._unknown(kind)
        return self.highest(kind)

    def _pico(self, kind: str, price: Decimal | None) -> int:
        if price is None:
            raise self._unknown(kind)
        return int((price * money.PICO_PER_USD).to_integral_value(ROUND_CEILING))

    def _unknown(self, kind: str) -> Exception:
        return unbounded(f"the catalogue has no price of {self._model} for {kind}")


def _reachable(pricing: Pricing, prompt_tokens: int) -> Iterator[Prices]:
    yield pricing.base
    for override in pricing.overrides:
        above = override.above_prompt_tokens
        if not override.is_understood or above is None or above < prompt_tokens:
            yield override.prices
