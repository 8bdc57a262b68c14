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
it. A predicted output that is rejected is billed as well.

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
from ledger.limits.rates import Catalogue, Rates, offers
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
    size, rates = _looked_up(payload, endpoint, catalogue)
    if not size.is_limitable:
        return None
    found = [_fitting(size.limited_to(LEAST_LIMIT), each, left_pico) for each in rates]
    return min((tokens for tokens in found if tokens), default=None) if all(found) else None


def _bound(payload: Mapping[str, Any], endpoint: str, catalogue: Catalogue) -> Bound:
    size, rates = _looked_up(payload, endpoint, catalogue)
    found = max((_sum(size, each) for each in rates), key=lambda bound: bound.pico)
    if found.pico > money.MAX_PICO:
        raise unbounded(f"it may be {found.usd:f} USD, which no account holds")
    return found


def _looked_up(
    payload: Mapping[str, Any], endpoint: str, catalogue: Catalogue
) -> tuple[Size, list[Rates]]:
    """How much a request is, and the prices of all who may serve it.

    Raises:
        Unbounded: one of both has no upper end.
    """
    openness.check(payload, endpoint)
    models = openness.models(payload)
    size = size_of(payload, endpoint)
    return size, [each for model in models for each in offers(model, size, catalogue)]


def _sum(size: Size, rates: Rates) -> Bound:
    """What a request costs at most by one offer."""
    parts = [
        _part("prompt", size.prompt_tokens * size.times, "token", rates.prompt),
        _part("completion", _completion(size, rates) * size.times, "token", rates.completion),
        _pictures(size, rates),
        _part("media", _within(size.media.sounds, rates) * size.times, "token", rates.sound_token),
        _part("fixed", size.requests, "request", rates.request),
    ]
    work = sum(part.pico for part in parts)
    fee = -(-work * FEE_PERCENT // 100)
    parts.append(Part("fee", 1, "request", fee, fee))
    parts.append(_part("fixed", size.times, "search", rates.search))
    kept = tuple(part for part in parts if part.pico)
    return Bound(sum(part.pico for part in kept), kept, rates.model, rates.provider)


def _part(kind: str, units: int, unit: str, pico_each: int) -> Part:
    return Part(kind, units, unit, pico_each, units * pico_each)


def _pictures(size: Size, rates: Rates) -> Part:
    """Pictures by their own price where one is declared, else by their tokens."""
    if rates.picture:
        return _part("media", len(size.media.pictures) * size.times, "picture", rates.picture)
    tokens = _within(size.media.pictures, rates)
    return _part("media", tokens * size.times, "token", rates.picture_token)


def _within(sizes: list[int], rates: Rates) -> int:
    """Tokens of media: one a byte, at most the context length."""
    return sum(sizes) if rates.context is None else min(sum(sizes), rates.context)


def _completion(size: Size, rates: Rates) -> int:
    """Completion tokens of one answer.

    Raises:
        Unbounded: neither the call nor the catalogue limits them.
    """
    if not size.completes or not rates.completion:
        return 0
    kept = size if rates.keeps_limits else dataclasses.replace(size, limit=None)
    found = kept.completion_tokens(rates.most)
    if found is None:
        raise openness.no_maximum(rates.model, is_limitable=size.is_limitable)
    return found


def _fitting(size: Size, rates: Rates, left_pico: int) -> int | None:
    """The limit that fits into what is left, by one offer."""
    if not rates.keeps_limits:
        return None
    least = _sum(size, rates).pico
    if least > left_pico:
        return None
    each = rates.completion * size.times * (100 + FEE_PERCENT)
    tokens = (left_pico - least) * 100 // each if each else money.MAX_PICO
    return LEAST_LIMIT + tokens
