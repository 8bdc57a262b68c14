"""What a key may spend and has spent, as `GET /key` says; any key may ask about itself."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ledger import money
from ledger.books.books import Books
from ledger.calls import asking
from ledger.calls.admission import Desk
from ledger.errors import AnswerInvalid
from ledger.openrouter import endpoints, exact
from ledger.openrouter.records import KeyRecord, NotARecord, parse_key


class Asking(Protocol):
    """What is asked of a ledger here."""

    books: Books
    desk: Desk


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """A key's own limits and spending: exact USD; days, weeks and months are UTC.

    Attributes:
        label: the key's masked form, or the name that its owner gave it.
        limit_usd: what it may spend; None is no limit, or not said.
        limit_reset: how often the limit starts anew: `daily`, `weekly`, `monthly`, or never.
        expires_at: when the key ends, in the provider's own text.
        is_management_key: it administers, and runs no model.
        is_free_tier: no credits were ever bought.
    """

    label: str | None
    limit_usd: Decimal | None
    limit_remaining_usd: Decimal | None
    limit_reset: str | None
    usage_usd: Decimal | None
    usage_daily_usd: Decimal | None
    usage_weekly_usd: Decimal | None
    usage_monthly_usd: Decimal | None
    byok_usage_usd: Decimal | None
    expires_at: str | None
    is_management_key: bool | None
    is_free_tier: bool | None


def key_limits(ledger: Asking, total_s: float = asking.TOTAL_S) -> KeyLimits:
    """Ask the provider about the key that counts. Stores nothing.

    Args:
        ledger: knows the key and the base URL.
        total_s: seconds that it may take in all.

    Raises:
        KeyMissing, KeyInvalid: there is no key to ask with.
        ProviderError: the provider refused, or said nothing that can be read.
        ConnectionFailed: no answer came.
    """
    rules = ledger.desk.rules()
    key, _ = ledger.desk.key(rules)
    url = endpoints.url(ledger.desk.base_url(rules), endpoints.KEY)
    body = asking.ask(url, key, total_s)
    try:
        return _limits(parse_key(body))
    except (exact.NotJson, NotARecord) as error:
        raise AnswerInvalid(f"The provider's answer about the key is none: {error}.") from error


def usd(pico: int | None) -> Decimal | None:
    """Exact USD of picodollars, without needless zeros; None stays None."""
    return None if pico is None else Decimal(money.usd_text(pico))


def _limits(record: KeyRecord) -> KeyLimits:
    return KeyLimits(
        label=record.label,
        limit_usd=usd(record.limit_pico),
        limit_remaining_usd=usd(record.limit_remaining_pico),
        limit_reset=record.limit_reset,
        usage_usd=usd(record.usage_pico),
        usage_daily_usd=usd(record.usage_daily_pico),
        usage_weekly_usd=usd(record.usage_weekly_pico),
        usage_monthly_usd=usd(record.usage_monthly_pico),
        byok_usage_usd=usd(record.byok_usage_pico),
        expires_at=record.expires_at,
        is_management_key=record.is_management_key,
        is_free_tier=record.is_free_tier,
    )
