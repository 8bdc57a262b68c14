"""How the sandbox behaves as a whole."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.sandbox import costs


@dataclass(slots=True)
class Settings:
    """How the sandbox behaves as a whole; may be changed at any time.

    Attributes:
        appetite: how much an echo uses: `usual`, `thrifty` or `maximal`, as `counting` has it.
        byok_providers: providers for which the user has a key of their own.
        byok_fee: the part of such a provider's bill that is charged; 0 within the allowance.
        generation_delay_s: seconds after an answer until `/generation` finds it.
        generation_latency_s: seconds that each look-up takes.
        generation_max_parallel: look-ups at once before the next gets 429; None: no limit.
        refused_keys: keys answered with 401.
        management_keys: keys that may see `/credits` and may not run inference.
        credits_as_zeros: a normal key gets zeros from `/credits` instead of 403.
        total_credits: credits bought, USD.
        key_limit: limit of every key that wasn't created here, USD, where it has one.
        key_limit_reset: when that begins anew: `daily`, `weekly`, `monthly`; None: never.
        key_limit_status: how a key beyond its limit is refused, `403-key-limit` or `402`.
        enforce_credits: a call that credits can't pay for is refused with 402.
        activity_times: dates in `/activity` have a time, as some were seen to have.
        models: entries of `/models` instead of the usual ones.
    """

    appetite: str = "usual"
    byok_providers: set[str] = field(default_factory=set)
    byok_fee: Decimal = costs.ZERO
    generation_delay_s: float = 0.0
    generation_latency_s: float = 0.0
    generation_max_parallel: int | None = None
    refused_keys: set[str] = field(default_factory=set, repr=False)
    management_keys: set[str] = field(default_factory=set, repr=False)
    credits_as_zeros: bool = False
    total_credits: Decimal = Decimal(100)
    key_limit: Decimal | None = None
    key_limit_reset: str | None = None
    key_limit_status: str = "403-key-limit"
    enforce_credits: bool = False
    activity_times: bool = False
    models: list[dict[str, Any]] | None = None
