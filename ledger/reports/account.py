"""What the provider says of a key, in words."""

from decimal import Decimal

from ledger.account.limits import KeyLimits

_NOT_TOLD = "not told"
_RESETS = {"daily": "each UTC day", "weekly": "each Monday, UTC", "monthly": "each UTC month"}


def key_facts(limits: KeyLimits) -> list[tuple[str, str]]:
    """What a key may spend and has spent, a line each."""
    if limits.limit_usd is None:
        limit = "none"
    else:
        anew = _RESETS.get(limits.limit_reset or "", "never starts anew")
        limit = f"{limits.limit_usd:f} USD, {anew}"
    lines = [
        ("key limit", limit),
        ("key limit left USD", amount(limits.limit_remaining_usd, "no limit")),
        ("key used USD", amount(limits.usage_usd)),
        ("key used this UTC day USD", amount(limits.usage_daily_usd)),
        ("key used this UTC month USD", amount(limits.usage_monthly_usd)),
    ]
    if limits.expires_at is not None:
        lines.append(("key ends", limits.expires_at))
    return lines


def amount(value: Decimal | None, instead: str = _NOT_TOLD) -> str:
    """Exact USD, or what stands where there is none."""
    return instead if value is None else f"{value:f}"
