"""Prices as the provider lists them: exact decimals in USD per unit, with their conditions.

Source: `pricing` of `GET /models` and `GET /models/{author}/{slug}/endpoints`. A price of `-1`
means that nobody knows (routers list it); top-level prices hold under default conditions, and
each entry of `overrides` holds where all of its conditions do, the later entry winning.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.openrouter import exact

KINDS = (
    "prompt",
    "completion",
    "request",
    "image",
    "image_token",
    "image_output",
    "audio",
    "audio_output",
    "input_audio_cache",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h",
    "internal_reasoning",
    "web_search",
)
"""What a price is for: one token, one request, one image, one search, by its listed name."""

_PRICE = re.compile(r"\d{1,20}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,2})?")
_CONDITIONS = frozenset({"min_prompt_tokens", "utc_start", "utc_end", "utc_days"})
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = 100

Prices = dict[str, Decimal | None]
"""USD a unit by kind; None where a price is listed but nobody knows it."""


@dataclass(frozen=True, slots=True)
class Override:
    """Prices that hold under conditions.

    Attributes:
        prices: those that differ from the base.
        above_prompt_tokens: holds where a prompt has more tokens than this.
        utc_start, utc_end: the half-open daily window as HHMM; it may wrap past midnight.
        utc_days: the days it holds on, `mon` to `sun`; None for all.
        is_understood: whether every condition is known here. One that isn't may hold or not.
    """

    prices: Prices
    above_prompt_tokens: Decimal | None = None
    utc_start: int | None = None
    utc_end: int | None = None
    utc_days: tuple[str, ...] | None = None
    is_understood: bool = True

    def holds(self, at: dt.datetime, prompt_tokens: int) -> bool:
        """Whether all conditions are met.

        Args:
            at: the moment of the call, aware, in UTC.
            prompt_tokens: the tokens of its prompt.
        """
        if self.above_prompt_tokens is not None and prompt_tokens <= self.above_prompt_tokens:
            return False
        if self.utc_days is not None and _DAYS[at.weekday()] not in self.utc_days:
            return False
        return self._in_window(at.hour * _HOUR + at.minute)

    def _in_window(self, now: int) -> bool:
        start, end = self.utc_start or 0, 24 * _HOUR if self.utc_end is None else self.utc_end
        if start <= end:
            return start <= now < end
        return now >= start or now < end


@dataclass(frozen=True, slots=True)
class Pricing:
    """All that one `pricing` object says.

    Attributes:
        base: the prices under default conditions.
        overrides: those under others, in the order listed.
        discount: the fraction taken off every price, 0 to 1.
    """

    base: Prices
    overrides: tuple[Override, ...] = ()
    discount: Decimal = Decimal(0)

    def at(self, moment: dt.datetime, prompt_tokens: int = 0) -> Prices:
        """The prices of a call at a moment, discount taken off.

        Args:
            moment: aware, in UTC.
            prompt_tokens: of the call.
        """
        found = dict(self.base)
        for override in self.overrides:
            if override.is_understood and override.holds(moment, prompt_tokens):
                found |= override.prices
        rest = 1 - self.discount
        return {kind: None if price is None else price * rest for kind, price in found.items()}

    def highest(self, kind: str) -> Decimal | None:
        """The highest price that is listed for a kind under any condition, without discount.

        Returns:
            USD a unit; 0 where no such price is listed; None where one is, and nobody knows it.
        """
        listed = [prices[kind] for prices in self._all() if kind in prices]
        known = [price for price in listed if price is not None]
        if len(known) < len(listed):
            return None
        return max(known, default=Decimal(0))

    @property
    def is_free(self) -> bool:
        """Whether prompt, completion and request are listed at zero, whatever the conditions."""
        listed = {"prompt", "completion"} <= self.base.keys()
        return listed and all(
            self.highest(kind) == 0 for kind in ("prompt", "completion", "request")
        )

    def _all(self) -> Iterator[Prices]:
        yield self.base
        for override in self.overrides:
            yield override.prices


def parse(value: object) -> Pricing:
    """Read a `pricing` object; what is no price is unknown, never zero."""
    if not isinstance(value, dict):
        return Pricing({})
    listed = value.get("overrides")
    entries = listed if isinstance(listed, list) else []
    return Pricing(
        _prices(value),
        tuple(_override(entry) for entry in entries if isinstance(entry, dict)),
        _fraction(value.get("discount")),
    )


def text_of(value: object) -> str:
    """A `pricing` object as JSON text in one form, so that two that say the same are equal."""
    return exact.dumps(_sorted(value if isinstance(value, dict) else {}))


def price_or_none(value: object) -> Decimal | None:
    """An exact price from its decimal text; None for `-1` and whatever else is no price."""
    text = str(value) if isinstance(value, int | Decimal) else value
    if isinstance(value, bool) or not isinstance(text, str) or not _PRICE.fullmatch(text):
        return None
    return Decimal(text)


def _prices(entry: dict[str, Any]) -> Prices:
    return {kind: price_or_none(entry[kind]) for kind in KINDS if entry.get(kind) is not None}


def _override(entry: dict[str, Any]) -> Override:
    unknown = entry.keys() - _CONDITIONS - set(KINDS)
    above, start, end = (
        _number(entry, name) for name in ("min_prompt_tokens", "utc_start", "utc_end")
    )
    days = entry.get("utc_days")
    asked = tuple(str(day).lower()[:3] for day in days) if isinstance(days, list) else None
    odd_days = asked is not None and not set(asked) <= set(_DAYS)
    odd_numbers = any(
        entry.get(name) is not None and _number(entry, name) is None
        for name in ("min_prompt_tokens", "utc_start", "utc_end")
    )
    return Override(
        _prices(entry),
        above,
        None if start is None else int(start),
        None if end is None else int(end),
        asked,
        is_understood=not (unknown or odd_days or odd_numbers),
    )


def _number(entry: dict[str, Any], name: str) -> Decimal | None:
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() and 0 <= number <= 10**12 else None


def _fraction(value: object) -> Decimal:
    """A discount; what is none takes nothing off."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return Decimal(0)
    number = Decimal(value)
    return number if number.is_finite() and 0 <= number <= 1 else Decimal(0)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    return exact.clean(value) if isinstance(value, str) else value
