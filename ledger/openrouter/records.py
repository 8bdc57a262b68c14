"""The provider's other records: credits and key.

Sources: `GET /credits`, `GET /key`; amounts are USD.
"""

from dataclasses import dataclass
from typing import Any

from ledger.openrouter import exact
from ledger.openrouter.generation import GenerationRecord, NotARecord, data_of, parse_generation
from ledger.openrouter.shapes import (
    flag_or_none,
    redact,
    signed_pico_or_none,
    text_or_none,
)

__all__ = [
    "CreditsRecord",
    "GenerationRecord",
    "KeyRecord",
    "NotARecord",
    "parse_credits",
    "parse_generation",
    "parse_key",
]


@dataclass(slots=True)
class CreditsRecord:
    """Credits bought and used, in picodollars; the balance, their difference, may be negative.

    Attributes:
        says_nothing: both are zero. That is also what an ordinary key is told about a funded
            account, so it must not be shown as an empty one.
    """

    total_credits_pico: int
    total_usage_pico: int

    @property
    def balance_pico(self) -> int:
        """Credits that are left, in picodollars."""
        return self.total_credits_pico - self.total_usage_pico

    @property
    def says_nothing(self) -> bool:
        """Whether both are zero, which may mean anything."""
        return self.total_credits_pico == 0 and self.total_usage_pico == 0


@dataclass(slots=True)
class KeyRecord:
    """A key's own state: amounts in picodollars, by UTC day, week from Monday, and month.

    Attributes:
        label: the key's masked form, or the name that its owner gave it.
        limit_pico: what it may spend; None is no limit, or not said.
        limit_reset: how often the limit starts anew: `daily`, `weekly`, `monthly`, or never.
        is_management_key: it administers, and cannot run models.
        flags: what was unusable and why.
    """

    label: str | None = None
    limit_pico: int | None = None
    limit_remaining_pico: int | None = None
    usage_pico: int | None = None
    usage_daily_pico: int | None = None
    usage_weekly_pico: int | None = None
    usage_monthly_pico: int | None = None
    byok_usage_pico: int | None = None
    byok_usage_daily_pico: int | None = None
    byok_usage_weekly_pico: int | None = None
    byok_usage_monthly_pico: int | None = None
    include_byok_in_limit: bool | None = None
    is_free_tier: bool | None = None
    is_management_key: bool | None = None
    limit_reset: str | None = None
    expires_at: str | None = None
    flags: tuple[str, ...] = ()


_KEY_AMOUNTS = (
    "limit",
    "limit_remaining",
    "usage",
    "usage_daily",
    "usage_weekly",
    "usage_monthly",
    "byok_usage",
    "byok_usage_daily",
    "byok_usage_weekly",
    "byok_usage_monthly",
)


def parse_credits(body: bytes) -> CreditsRecord:
    """Read the body of a `/credits` answer.

    Raises:
        NotJson: it is no JSON.
        NotARecord: one of the two amounts is missing or unusable.
    """
    data = data_of(exact.loads(body))
    flags: list[str] = []
    bought = signed_pico_or_none(data.get("total_credits"), "total_credits", flags)
    used = signed_pico_or_none(data.get("total_usage"), "total_usage", flags)
    if bought is None or used is None:
        raise NotARecord("a credits record without both of its amounts")
    return CreditsRecord(bought, used)


def parse_key(body: bytes) -> KeyRecord:
    """Read the body of a `/key` answer.

    Raises:
        NotJson: it is no JSON.
        NotARecord: it has no `data`.
    """
    data = data_of(exact.loads(body))
    flags: list[str] = []
    amounts: dict[str, Any] = {
        f"{name}_pico": signed_pico_or_none(data.get(name), name, flags) for name in _KEY_AMOUNTS
    }
    label = text_or_none(data.get("label"))
    management = data.get("is_management_key", data.get("is_provisioning_key"))
    return KeyRecord(
        label=None if label is None else redact(label),
        include_byok_in_limit=flag_or_none(
            data.get("include_byok_in_limit"), "include_byok_in_limit", flags
        ),
        is_free_tier=flag_or_none(data.get("is_free_tier"), "is_free_tier", flags),
        is_management_key=flag_or_none(management, "is_management_key", flags),
        limit_reset=text_or_none(data.get("limit_reset")),
        expires_at=text_or_none(data.get("expires_at")),
        **amounts,
        flags=tuple(flags),
    )
