"""The most that a call can cost, said before it is sent: an upper bound, never an estimate.

A hold that is too small breaks a budget, so each step errs upward, and what has no upper end is
refused (`Unbounded`) instead of guessed. Nothing here reads a file, a clock or the network.

**Prompt: a token for each byte.** Tokenizers of bytes make at most one token of a byte, and those
that fall back to bytes do the same for what they don't know. Some first normalise (NFKC), which
can lengthen a text, so the longer of both forms counts. Counted is the JSON of all that may reach
the model: of a message `{"role": "user", "content": ""}` 32 bytes remain for the markers that a
template puts around it (4 to 8 tokens). A template may begin with a text of its own, and models
that are given tools with another one: 256 tokens, and 1,024 where there are tools. A prompt that
is answered n times is counted n times, for a provider may be asked n times.

**Completion: the limit that the call names, times n,** or the model's own maximum, or its context
length. Of several limits the highest counts: who serves decides which one is read. Some providers
raise a limit below 16, and one that doesn't list the parameter ignores it, so there its own
maximum counts. Reasoning is part of the completion; a budget for it beyond the limit is added to
it. A predicted output that is rejected is billed as well. A picture that is made is 8,192 tokens
or the model's maximum.

**Prices: the highest listed** of the model, of every fallback in `models`, of every provider that
offers one, and of every override: at any time of the day, but of those for long prompts only
where this prompt may be so long. A discount is not taken off. A prompt token may be written to a
cache, and recorded answers count some as read from it too, so both prices add up; writing for an
hour counts where the call names a `ttl`. A completion token costs the highest of what it may be:
text, reasoning, and picture or sound where the model answers with such. The sum is taken for each
offer, and the dearest offer is the bound: a call is billed by the one that serves.

**Media: the declared price, else a token a byte,** at most the model's context length. Fees: the
price of a request (a search unit, of rerankings), and of the one search that a model makes by
itself. **The user's own provider key:** OpenRouter takes 5 % of the work beside what the provider
charges, and nobody can see from here which key will serve, so 5 % are added to every bound.

What can't be bounded is told by `ledger.limits.openness`: there `max_cost=` stands for a bound,
and it may lower a loose one. It is the caller's word, and the parts of the bound say so.

What this trusts: the catalogue as it was seen last, and that the account itself adds no plugin.
A cost above its bound is still booked in full.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger import money
from ledger.errors import Unbounded
from ledger.limits import openness
from ledger.limits.openness import unbounded
from ledger.limits.rates import Catalogue, Offer, Rate, Rates, offers_of
from ledger.limits.sizes import LEAST_LIMIT, Size, size_of

FEE_PERCENT = 5
"""What OpenRouter takes of a call with the user's own provider key, beyond a free allowance."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bound.

    Attributes:
        kind: `prompt`, `completion`, `media`, `fixed`, `fee`, or `declared`.
        units: how many, of what `unit` says: `token`, `picture`, `request`, `search`.
        pico_each: the highest price of one, in 1e-12 USD.
        pico: what they come to.
    """

    kind: str
    units: int
    unit: str
    pico_each: int
    pico: int


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call can cost.

    Attributes:
        pico: all of it, in 1e-12 USD.
        parts: what it is made of; they add up to `pico`.
        model, provider: whose offer is the dearest; None where the bound was declared, and the
            provider also where it is the model's own listing.
    """

    pico: int
    parts: tuple[Part, ...]
    model: str | None = None
    provider: str | None = None

    @property
    def usd(self) -> Decimal:
        """All of it, exact USD."""
        return money.to_usd(self.pico)


def upper_bound(
    payload: Mapping[str, Any],
    endpoint: str,
    catalogue: Catalogue,
    max_cost: Decimal | None = None,
) -> Bound:
    """The most that a request can cost.

    Args:
        payload: its body, as it is sent.
        endpoint: which service, as `request.endpoint` is booked: `chat/completions`, ...
        catalogue: what models and providers ask for.
        max_cost: USD that the caller says it won't exceed; counts where it is lower, or where
            nothing else is known.

    Raises:
        Unbounded: there is no upper end; says which parameter would make one.
    """
    if max_cost is None:
        return _bound(payload, endpoint, catalogue)
    declared = declare(max_cost)
    try:
        found = _bound(payload, endpoint, catalogue)
    except Unbounded:
        return declared
    return found if found.pico <= declared.pico else declared


def declare(max_cost: Decimal) -> Bound:
    """A bound that is the caller's word alone."""
    pico = money.to_pico(max_cost)
    return Bound(pico, (Part("declared", 1, "request", pico, pico),))


def largest_limit(
    payload: Mapping[str, Any], endpoint: str, catalogue: Catalogue, left_pico: int
) -> int | None:
    """The largest limit of completion tokens with which a request costs at most so much.

    Args:
        payload: as `upper_bound` takes it.
        endpoint: likewise.
        catalogue: likewise.
        left_pico: what is left, in 1e-12 USD.

    Returns:
        Tokens; None where no limit would do, or where limits don't count.

    Raises:
        Unbounded: a limit would not bound it.
    """
    size, offers = _looked_up(payload, endpoint, catalogue)
    if not size.is_limitable:
        return None
    least = size.limited_to(LEAST_LIMIT)
    found = [_fitting(least, offer, left_pico) for offer in offers]
    return min((tokens for tokens in found if tokens), default=None) if all(found) else None


def _bound(payload: Mapping[str, Any], endpoint: str, catalogue: Catalogue) -> Bound:
    size, offers = _looked_up(payload, endpoint, catalogue)
    dearest = max(offers, key=lambda offer: sum(part.pico for part in _parts(size, offer)))
    parts = tuple(part for part in _parts(size, dearest) if part.pico)
    found = Bound(sum(part.pico for part in parts), parts, dearest.model, dearest.provider)
    if found.pico > money.MAX_PICO:
        raise unbounded(f"it may be {found.usd:f} USD, which no account holds")
    return found


def _looked_up(
    payload: Mapping[str, Any], endpoint: str, catalogue: Catalogue
) -> tuple[Size, list[Offer]]:
    """How much a request is, and the offers of all who may serve it.

    Raises:
        Unbounded: one of both has no upper end.
    """
    openness.check(payload, endpoint)
    models = openness.models(payload)
    size = size_of(payload, endpoint)
    offers = [offer for model in models for offer in offers_of(model, catalogue)]
    if not size.is_limitable:
        _check_priced(offers, size)
    return size, offers


def _check_priced(offers: list[Offer], size: Size) -> None:
    """Work other than text may be priced elsewhere: what is listed at zero isn't free by that.

    Raises:
        Unbounded: such a model is listed at zero, and isn't one of the free ones.
    """
    for offer in offers:
        if offer.rates(size.most_prompt_tokens).are_zero and not offer.model.endswith(":free"):
            raise unbounded(f"the catalogue lists no price at all for {offer.model}")


def _parts(size: Size, offer: Offer) -> list[Part]:
    """What a request costs at most by one offer.

    Raises:
        Unbounded: nobody knows a price of it, or how much it may answer.
    """
    rates = offer.rates(size.most_prompt_tokens)
    prompt = rates.cached if size.media.has_ttl else rates.prompt
    parts = [
        _part("prompt", size.prompt_tokens * size.times, "token", prompt, offer),
        _part("fixed", size.requests, "request", rates.request, offer),
    ]
    if size.completes:
        rate = _rate(size, rates)
        tokens = 0 if rate == 0 else _completion_tokens(size, offer) * size.times
        parts.append(_part("completion", tokens, "token", rate, offer))
    if size.media.pictures:
        parts.append(_pictures(size, offer, rates))
    if size.media.sounds:
        tokens = _within(size.media.sounds, offer) * size.times
        parts.append(_part("media", tokens, "token", rates.sound_token, offer))
    work = sum(part.pico for part in parts)
    fee = -(-work * FEE_PERCENT // 100)
    parts.append(Part("fee", 1, "request", fee, fee))
    if rates.search != 0:
        parts.append(_part("fixed", size.times, "search", rates.search, offer))
    return parts


def _part(kind: str, units: int, unit: str, rate: Rate, offer: Offer) -> Part:
    if rate is None:
        raise offer.unknown(f"{kind} ({unit})")
    return Part(kind, units, unit, rate, units * rate)


def _pictures(size: Size, offer: Offer, rates: Rates) -> Part:
    """Pictures by their own price where one is declared, else by their tokens."""
    if rates.picture == 0:
        tokens = _within(size.media.pictures, offer) * size.times
        return _part("media", tokens, "token", rates.picture_token, offer)
    pictures = len(size.media.pictures) * size.times
    return _part("media", pictures, "picture", rates.picture, offer)


def _within(sizes: list[int], offer: Offer) -> int:
    """Tokens of media: one a byte, at most the context length."""
    return sum(sizes) if offer.context is None else min(sum(sizes), offer.context)


def _rate(size: Size, rates: Rates) -> Rate:
    """The price of a completion token: a model that lists text alone may be asked for pictures."""
    return rates.shown if size.is_shown else rates.completion


def _completion_tokens(size: Size, offer: Offer) -> int:
    """Completion tokens of one answer.

    Raises:
        Unbounded: neither the call nor the catalogue limits them.
    """
    kept = size if offer.keeps_limits else dataclasses.replace(size, limit=None)
    found = kept.completion_tokens(offer.most)
    if found is None:
        raise openness.no_maximum(offer.model, is_limitable=size.is_limitable)
    return found


def _fitting(size: Size, offer: Offer, left_pico: int) -> int | None:
    """The limit that fits into what is left, by one offer."""
    least = sum(part.pico for part in _parts(size, offer))
    if least > left_pico or not offer.keeps_limits:
        return None
    each = (_rate(size, offer.rates(size.most_prompt_tokens)) or 0) * size.times
    free = (left_pico - least) * 100 // (100 + FEE_PERCENT)
    return LEAST_LIMIT + (free // each if each else money.MAX_PICO)
