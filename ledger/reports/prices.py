"""Prices and their conditions in words: exact, and USD per million tokens as people compare."""

from decimal import Context, Decimal
from typing import Any

from ledger.openrouter.pricing import Override, Prices

_PER_MILLION = Decimal(10**6)
_EXACT = Context(prec=100)
_PER_UNIT = frozenset({"request", "image", "image_output", "web_search"})
"""What is priced by the piece; everything else is so by the token."""
_HOUR = 100
UNKNOWN = "unknown"


def condition(override: Override) -> str:
    """When other prices hold, in words."""
    said = []
    if override.above_prompt_tokens is not None:
        said.append(f"above {override.above_prompt_tokens:f} prompt tokens")
    if override.utc_start is not None or override.utc_end is not None:
        start, end = override.utc_start or 0, override.utc_end
        said.append(f"{_time(start)}-{_time(24 * _HOUR if end is None else end)} UTC")
    if override.utc_days is not None:
        said.append(f"on {', '.join(override.utc_days)} UTC")
    if not override.is_understood:
        said.append("under a condition that is not known here")
    return ", ".join(said) or "always"


def all_of(listed: Prices) -> str:
    """Prices with their kinds and units."""
    return ", ".join(f"{kind} {priced(kind, price)}" for kind, price in listed.items())


def priced(kind: str, price: Decimal | None) -> str:
    """A price with its unit."""
    if price is None:
        return UNKNOWN
    if kind in _PER_UNIT:
        return f"{plain(price)} USD each"
    return f"{plain(_EXACT.multiply(price, _PER_MILLION))} USD/M"


def per_million(price: Decimal | None) -> str:
    """A price of a million units, or that nobody knows it."""
    return UNKNOWN if price is None else plain(price)


def said(value: Any) -> str:
    """A value of a change; prices in USD a unit."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(said, value))}]"
    if isinstance(value, Override):
        return f"{condition(value)}: {all_of(value.prices)}"
    return str(value)


def _time(hhmm: int) -> str:
    return f"{hhmm // _HOUR:02d}:{hhmm % _HOUR:02d}"


def plain(amount: Decimal) -> str:
    """Exact, and without needless zeros."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
