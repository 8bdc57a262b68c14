"""What offers ask for at most: whole picodollars a unit, rounded up, worked out once an offer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from typing import Protocol

from ledger import money
from ledger.catalogue.reading import Entry
from ledger.errors import Unbounded
from ledger.limits.openness import unbounded
from ledger.openrouter.pricing import Prices, Pricing

_SPOKEN = ("completion", "internal_reasoning")
_SHOWN = ("image_token", "image_output", "audio_output")
_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
_TEXT_ONLY = ("text",)
# They choose a provider and no price: the model's own listing has them all.
_ROUTING = (":nitro", ":floor", ":exacto", ":thinking")
_UP = Context(prec=150, rounding=ROUND_CEILING)
_PICO = Decimal(money.PICO_PER_USD)

Rate = int | None
"""1e-12 USD a unit; None where nobody knows the price."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The highest prices that calls with prompts up to some length can meet.

    Attributes:
        prompt: a token; `cached` where it may be cached for longer than usual.
        completion: a token; `shown` where pictures or sound were asked for, whatever kinds of
            output the model lists.
        picture: a picture that is sent; 0 where it has no price of its own.
        picture_token, sound_token: a token of what is sent.
        request, search: one of them; `search` only where the model searches by itself.
    """

    prompt: Rate
    cached: Rate
    completion: Rate
    shown: Rate
    picture: Rate
    picture_token: Rate
    sound_token: Rate
    request: Rate
    search: Rate

    @property
    def are_zero(self) -> bool:
        """Whether all is for nothing: work that is priced elsewhere is listed so, too."""
        return not any(rate != 0 for rate in (self.prompt, self.completion, self.request))


@dataclass(frozen=True, slots=True)
class Offer:
    """What a model's listing, or one provider of it, asks at most.

    Attributes:
        provider: None for the listing.
        steps: prompt lengths, ascending, above which the rates beside them hold.
        most: completion tokens of an answer; None where nobody says.
        context: the model's context length; None where nobody says.
        keeps_limits: whether it lists a parameter that limits the answer.
    """

    model: str
    provider: str | None
    steps: tuple[tuple[int, Rates], ...]
    most: int | None
    context: int | None
    keeps_limits: bool

    def rates(self, prompt_tokens: int) -> Rates:
        """The rates for a prompt of at most so many tokens."""
        found = self.steps[0][1]
        for above, rates in self.steps[1:]:
            if above >= prompt_tokens:
                break
            found = rates
        return found

    def unknown(self, kind: str) -> Unbounded:
        """The error for a price that is needed, and that nobody knows."""
        return unbounded(f"the catalogue has no price of {self.model} for {kind}")


class Catalogue(Protocol):
    """What models cost at most."""

    def offers(self, model: str) -> Sequence[Offer]:
        """What a model's listing asks, then each provider; nothing where it isn't listed."""


def offers_of(model: str, catalogue: Catalogue) -> Sequence[Offer]:
    """The offers of everybody who may serve a model, its own listing first.

    Raises:
        Unbounded: it isn't listed, or nobody is known to offer it.
    """
    found = catalogue.offers(model) or catalogue.offers(_bare(model))
    if len(found) > 1:
        return found
    said = f"the catalogue has nobody who offers {model}" if found else f"it lists no {model}"
    said = said.replace("it lists", "the catalogue lists")
    raise unbounded(said, "Look at the provider's lists: `python -m ledger models sync`.")


def compiled(listing: Entry, offered: Iterable[Entry]) -> tuple[Offer, ...]:
    """A model's listing and its offers, worked out for many calls."""
    entries = (listing, *offered)
    context = max((entry.context_length or 0 for entry in entries), default=0) or None
    return tuple(_offer(entry, listing, context) for entry in entries)


def _bare(model: str) -> str:
    for suffix in _ROUTING:
        model = model.removesuffix(suffix)
    return model


def _offer(entry: Entry, listing: Entry, context: int | None) -> Offer:
    known = set(entry.supported_parameters)
    own = entry.max_completion_tokens or entry.context_length
    lengths = sorted({-1, *(int(each) for each in _lengths(entry.pricing))})
    return Offer(
        model=listing.model,
        provider=entry.provider,
        steps=tuple((above, _rates(entry.pricing, listing, above)) for above in lengths),
        most=own or listing.max_completion_tokens or listing.context_length,
        context=context,
        keeps_limits=not known or not _LIMITS.isdisjoint(known),
    )


def _lengths(pricing: Pricing) -> Iterator[Decimal]:
    """Prompt lengths at which other prices may begin to hold."""
    for override in pricing.overrides:
        if override.is_understood and override.above_prompt_tokens is not None:
            yield override.above_prompt_tokens


def _rates(pricing: Pricing, listing: Entry, above: int) -> Rates:
    """The highest prices of prompts that may be longer than `above`."""
    listed = list(_reachable(pricing, above))
    prompt = _highest(listed, "prompt", is_needed=True)
    read, write = _highest(listed, "input_cache_read"), _highest(listed, "input_cache_write")
    hourly = _highest(listed, "input_cache_write", "input_cache_write_1h")
    cached = _most(prompt, _both(hourly, read))
    prompt = _most(prompt, _both(write, read))
    said = _most(_highest(listed, "completion", is_needed=True), _highest(listed, *_SPOKEN))
    shown = _most(said, _highest(listed, *_SHOWN))
    return Rates(
        prompt=prompt,
        cached=cached,
        completion=said if listing.output_kinds == _TEXT_ONLY else shown,
        shown=shown,
        picture=_highest(listed, "image"),
        picture_token=_most(cached, _highest(listed, "image_token")),
        sound_token=_most(cached, _highest(listed, "audio", "input_audio_cache")),
        request=_highest(listed, "request"),
        search=_highest(listed, "web_search") if _searches(listing) else 0,
    )


def _searches(listing: Entry) -> bool:
    """Whether a model searches the web by itself: it lists how much of it is wanted."""
    return "web_search_options" in listing.supported_parameters


def _reachable(pricing: Pricing, above: int) -> Iterator[Prices]:
    yield pricing.base
    for override in pricing.overrides:
        length = override.above_prompt_tokens
        if not override.is_understood or length is None or length <= above:
            yield override.prices


def _highest(listed: Sequence[Prices], *kinds: str, is_needed: bool = False) -> Rate:
    """The highest price of any of the kinds; None where nobody knows one that is listed.

    Args:
        listed: the prices under each condition.
        kinds: which.
        is_needed: one that isn't listed isn't known either; else it is for nothing.
    """
    found = [prices[kind] for prices in listed for kind in kinds if kind in prices]
    if is_needed and not found:
        return None
    highest = 0
    for price in found:
        if price is None:
            return None
        highest = max(highest, int(_UP.to_integral_value(_UP.multiply(price, _PICO))))
    return highest


def _most(one: Rate, other: Rate) -> Rate:
    return None if one is None or other is None else max(one, other)


def _both(write: Rate, read: Rate) -> Rate:
    """A token that is written to a cache and also counts as read from it."""
    if write is None or read is None:
        return None
    return write + read if write else read
