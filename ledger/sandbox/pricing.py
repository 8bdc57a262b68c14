"""What a call costs by the catalogue: who serves it, at which prices, for what was counted.

All of it exact. Prices are those of the provider that serves, at the time and the prompt length of
the call; of several overrides that apply the later one wins, price by price.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.catalogue import Offer

_MILLION = 1_000_000
_PLAIN = ("prompt", "completion")
_CONDITIONS = ("min_prompt_tokens", "utc_start", "utc_end", "utc_days")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Recorded: a search with Exa; the docs: each result beyond ten, each page of a file.
SEARCH_USD = Decimal("0.007")
RESULT_USD = Decimal("0.001")
FREE_RESULTS = 10
PAGE_USD = Decimal("0.002")


@dataclass(slots=True)
class Counts:
    """What was counted of one call.

    Attributes:
        prompt: tokens, those read from and written to a cache included.
        completion: tokens, those of reasoning and of pictures included.
        reasoning: tokens.
        cached: prompt tokens read from a cache.
        written: prompt tokens written to a cache.
        written_1h: how many of these for an hour.
        audio: prompt tokens that are sound.
        image_tokens: completion tokens that are pictures.
        images: pictures sent.
        searches: searches of the web.
        results: results wanted of each search.
        pages: pages of files read by a plugin.
        units: what a fee by request is multiplied with.
        choices: how many answers there are; the counts are for all of them.
        is_cut: the answer ended at its limit.
    """

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    audio: int = 0
    image_tokens: int = 0
    images: int = 0
    searches: int = 0
    results: int = 0
    pages: int = 0
    units: int = 1
    choices: int = 1
    is_cut: bool = False

    @property
    def tokens(self) -> tuple[int, int]:
        """Prompt and completion tokens."""
        return self.prompt, self.completion


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call costs: the model's work on both sides, and fees of tools."""

    prompt: Decimal
    completion: Decimal
    fees: Decimal

    @property
    def total(self) -> Decimal:
        """All of it, USD."""
        return self.prompt + self.completion + self.fees


def charge(offer: Offer, counts: Counts, moment: dt.datetime) -> Charge:
    """What a provider and its tools charge for a call."""
    prices = prices_at(offer, counts.prompt, moment)
    prompt, completion = prices["prompt"], prices["completion"]
    if len(prices) == len(_PLAIN) and not counts.searches and not counts.pages:
        return Charge(counts.prompt * prompt, counts.completion * completion, costs.ZERO)
    plain = max(0, counts.prompt - counts.cached - counts.written - counts.audio)
    short = counts.written - counts.written_1h
    write = prices.get("input_cache_write", prompt)
    said = (
        plain * prompt
        + counts.cached * prices.get("input_cache_read", prompt)
        + short * write
        + counts.written_1h * prices.get("input_cache_write_1h", write)
        + counts.audio * (prices.get("audio") or prompt)
        + counts.images * prices.get("image", costs.ZERO)
        + counts.units * prices.get("request", costs.ZERO)
    )
    rest = max(0, counts.completion - counts.reasoning - counts.image_tokens)
    answered = (
        rest * completion
        + counts.reasoning * (prices.get("internal_reasoning") or completion)
        + counts.image_tokens * (prices.get("image_token") or completion)
    )
    return Charge(said, answered, _fees(counts, prices))


def _fees(counts: Counts, prices: dict[str, Decimal]) -> Decimal:
    """What tools cost: each search, each result beyond ten, each page."""
    search = prices.get("web_search") or SEARCH_USD
    beyond = max(0, counts.results - FREE_RESULTS) * RESULT_USD
    return counts.searches * (search + beyond) + counts.pages * PAGE_USD


def prices_at(offer: Offer, prompt_tokens: int, moment: dt.datetime) -> dict[str, Decimal]:
    """An offer's prices at a moment, for a prompt of that length, its discount taken off."""
    if not offer.overrides and not offer.discount:
        return offer.prices
    prices = dict(offer.prices)
    for override in offer.overrides:
        if applies(override, prompt_tokens, moment):
            changed = {name: override[name] for name in override if name not in _CONDITIONS}
            prices.update({name: Decimal(price) for name, price in changed.items()})
    return {name: price * (1 - offer.discount) for name, price in prices.items()}


def applies(override: dict[str, Any], prompt_tokens: int, moment: dt.datetime) -> bool:
    """Whether all conditions of an override are met.

    The prompt is strictly longer; the time is within a half-open window of HHMM numbers that may
    wrap around midnight, on a day that is listed, where days are listed; a window that wraps
    belongs to the day on which each instant lies.
    """
    if prompt_tokens <= override.get("min_prompt_tokens", -1):
        return False
    days = override.get("utc_days")
    if days is not None and _DAYS[moment.weekday()] not in days:
        return False
    start, end = override.get("utc_start"), override.get("utc_end")
    if start is None or end is None:
        return True
    now = moment.hour * 100 + moment.minute
    return bool(start <= now < end if start <= end else now >= start or now < end)


def routed(offers: list[Offer], preferences: dict[str, Any], slug: str) -> list[Offer]:
    """The offers that a request allows, in the order in which they are tried.

    Args:
        offers: the top provider's first.
        preferences: the request's `provider` object.
        slug: the model asked for; `:floor` sorts by price, `:nitro` prefers the last.
    """
    if len(offers) == 1:
        # Its one provider stands for whichever the request names.
        return [offer for offer in offers if _affordable(offer, preferences.get("max_price"))]
    only, ignored = _names(preferences, "only"), _names(preferences, "ignore")
    found = [offer for offer in offers if offer.provider.lower() not in ignored]
    if only:
        found = [offer for offer in found if offer.provider.lower() in only]
    found = [offer for offer in found if _affordable(offer, preferences.get("max_price"))]
    if slug.endswith(":floor") or preferences.get("sort") == "price":
        found.sort(key=_weight)
    elif slug.endswith(":nitro") or preferences.get("sort") in ("throughput", "latency"):
        found.reverse()
    order = _names(preferences, "order")
    first = [offer for name in order for offer in found if offer.provider.lower() == name]
    if preferences.get("allow_fallbacks") is False and order:
        return first
    return first + [offer for offer in found if offer not in first]


def _names(preferences: dict[str, Any], member: str) -> list[str]:
    """Providers named in a list of the preferences, by name or slug."""
    listed = preferences.get(member)
    return [str(name).lower() for name in listed] if isinstance(listed, list) else []


def _affordable(offer: Offer, most: Any) -> bool:
    """Whether an offer is within `max_price`: USD per million tokens, and per request or image."""
    if not isinstance(most, dict):
        return True
    scale = {"prompt": _MILLION, "completion": _MILLION}
    return all(
        offer.prices.get(name, costs.ZERO) * scale.get(name, 1) <= Decimal(str(limit))
        for name, limit in most.items()
    )


def _weight(offer: Offer) -> Decimal:
    """How dear an offer is, by the sum of its prices of a token."""
    return (offer.prices["prompt"] + offer.prices["completion"]) * (1 - offer.discount)


def dearest(offers: list[Offer]) -> Offer:
    """The one that costs most under ordinary conditions."""
    return max(offers, key=_weight)
