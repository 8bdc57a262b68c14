"""The account's credits: what was bought, used, and is left, as `GET /credits` says.

Only a management key is told. An ordinary one gets a 403, or a 200 with both figures zero, which
must not pass for an empty account: so on zeros the key is asked what it is.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from ledger import clock
from ledger.account.limits import Asking, KeyLimits, key_limits, usd
from ledger.books.models import CreditSnapshot
from ledger.calls import asking
from ledger.errors import AnswerInvalid, LedgerError, ManagementKeyRequired
from ledger.openrouter import endpoints, exact, keys
from ledger.openrouter.records import CreditsRecord, NotARecord, parse_credits

_NOT_TOLD = (
    "An ordinary key is not told the account's credits: a management key is, made at"
    " https://openrouter.ai/settings/management-keys."
)


@dataclass(frozen=True, slots=True)
class Credits:
    """An account's credits at a time, exact; None where this key is not told.

    Attributes:
        at: when the provider was asked.
        purchased_pico, used_pico, remaining_pico: picodollars; what is left may be below zero.
        purchased_usd, used_usd, remaining_usd: the same in USD.
        note: what this key cannot know, in words; None where it was told all.
        key: what the key itself may spend and has spent, where it was not told the rest.
    """

    at: dt.datetime
    purchased_pico: int | None
    purchased_usd: Decimal | None
    used_pico: int | None
    used_usd: Decimal | None
    remaining_pico: int | None
    remaining_usd: Decimal | None
    note: str | None
    key: KeyLimits | None


def ask_credits(ledger: Asking) -> Credits:
    """Ask the provider for the credits, and book what it says as a `credit_snapshot`.

    Raises:
        KeyMissing, KeyInvalid: there is no key to ask with.
        ProviderError: the provider refused for another reason than the kind of key.
        ConnectionFailed: no answer came.
        LedgerUnavailable: it can't be booked.
    """
    return ask_credits_as(ledger, None)


def ask_credits_as(ledger: Asking, key: str | None) -> Credits:
    """As `ask_credits`, with another key than the ledger's own; None is its own.

    Raises:
        As `ask_credits`.
    """
    rules = ledger.desk.rules()
    key, key_hash = ledger.desk.key(rules) if key is None else (key, keys.key_hash(key))
    url = endpoints.url(ledger.desk.base_url(rules), endpoints.CREDITS)
    try:
        record, note, limits = _read(ledger, asking.ask(url, key))
    except ManagementKeyRequired:
        record, note, limits = None, _NOT_TOLD, _limits(ledger)
    row = CreditSnapshot(
        process_id=ledger.books.process.id,
        at=clock.now(),
        key_hash=key_hash,
        total_credits_pico=record.total_credits_pico if record else None,
        total_usage_pico=record.total_usage_pico if record else None,
        note=note,
    )
    found = _credits(row.at, record, note, limits)
    ledger.books.writer.write(lambda transaction: transaction.add(row))
    return found


def _read(ledger: Asking, body: bytes) -> tuple[CreditsRecord | None, str | None, KeyLimits | None]:
    """What an answer 200 says: the record, or that the key was not told and why."""
    try:
        record = parse_credits(body)
    except (exact.NotJson, NotARecord) as error:
        raise AnswerInvalid(f"The provider's answer about credits is none: {error}.") from error
    if not record.says_nothing:
        return record, None, None
    limits = _limits(ledger)
    if limits is not None and limits.is_management_key:
        return record, None, None
    return None, f"The provider said zero and zero, which says nothing. {_NOT_TOLD}", limits


def _limits(ledger: Asking) -> KeyLimits | None:
    """What the key is told about itself; None where not even that can be had."""
    try:
        return key_limits(ledger)
    except LedgerError:
        return None


def _credits(
    at: dt.datetime, record: CreditsRecord | None, note: str | None, limits: KeyLimits | None
) -> Credits:
    bought = record.total_credits_pico if record else None
    used = record.total_usage_pico if record else None
    left = record.balance_pico if record else None
    return Credits(at, bought, usd(bought), used, usd(used), left, usd(left), note, limits)
