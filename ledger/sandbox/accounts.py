"""Keys, what each has used by UTC day, week and month, and what its limits refuse."""

import datetime as dt
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.plans import BadScript

PREFIX = "sk-or-v1-"
WINDOWS = ("daily", "weekly", "monthly")
_CHANGEABLE = {"name", "disabled", "limit", "limit_reset", "include_byok_in_limit"}
_GIVEN = {"name", "limit", "limit_reset", "include_byok_in_limit", "expires_at", "workspace_id"}


@lru_cache(maxsize=1024)
def hash_of(secret: str) -> str:
    """The id of a key: the SHA-256 of its text."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def masked(secret: str) -> str:
    """A key as the provider shows it."""
    bare = secret.removeprefix(PREFIX)
    return f"{PREFIX}{bare[:3]}...{bare[-3:]}"


@dataclass(slots=True)
class Usage:
    """Credits charged, and what providers charged the user's own keys, by UTC day."""

    credits: dict[dt.date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    byok: dict[dt.date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def since(self, day: dt.date | None) -> tuple[Decimal, Decimal]:
        """Both sums from a day on; None: from the beginning."""
        if day is None:
            return sum(self.credits.values(), costs.ZERO), sum(self.byok.values(), costs.ZERO)
        return _sum(self.credits, day), _sum(self.byok, day)


def _sum(days: dict[dt.date, Decimal], first: dt.date) -> Decimal:
    """The sum of what lies on a day or after it."""
    return sum((amount for day, amount in days.items() if day >= first), costs.ZERO)


def window_start(name: str | None, today: dt.date) -> dt.date | None:
    """The first day of the window that a day is in: it, its Monday or its month's first."""
    if name == "daily":
        return today
    if name == "weekly":
        return today - dt.timedelta(days=today.weekday())
    if name == "monthly":
        return today.replace(day=1)
    return None


def window_end(name: str | None, today: dt.date) -> dt.datetime | None:
    """When the window that a day is in ends; None: never."""
    start = window_start(name, today)
    if start is None:
        return None
    days = {"daily": 1, "weekly": 7, "monthly": 31}[str(name)]
    end = start + dt.timedelta(days=days)
    end = end.replace(day=1) if name == "monthly" else end
    return dt.datetime.combine(end, dt.time.min, dt.UTC)


@dataclass(slots=True)
class Key:
    """A key of the account, its text not among it."""

    hash: str
    name: str
    label: str
    created_at: dt.datetime
    limit: Decimal | None = None
    limit_reset: str | None = None
    include_byok_in_limit: bool = False
    disabled: bool = False
    expires_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    workspace_id: str = "00000000-0000-4000-8000-000000000000"


class Accounts:
    """All keys and their usage. Its owner locks it."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.deleted: set[str] = set()
        self._usage: dict[str, Usage] = defaultdict(Usage)
        self._made = 0

    def add(self, key_hash: str, moment: dt.datetime, charged: Decimal, upstream: Decimal) -> None:
        """Book what a call used on the UTC day in which it started."""
        usage, day = self._usage[key_hash], moment.date()
        usage.credits[day] += charged
        if upstream:
            usage.byok[day] += upstream

    def used(self, key_hash: str, first: dt.date | None = None) -> tuple[Decimal, Decimal]:
        """Credits and a provider's own charges of a key, from a day on."""
        usage = self._usage.get(key_hash)
        return (costs.ZERO, costs.ZERO) if usage is None else usage.since(first)

    def spent(self) -> Decimal:
        """Credits of all keys together."""
        return sum((usage.since(None)[0] for usage in self._usage.values()), costs.ZERO)

    def create(self, members: dict[str, Any], now: dt.datetime) -> tuple[Key, str]:
        """A new key and its text, which is shown this once.

        Raises:
            BadScript: no name, or a member that makes no sense.
        """
        if not isinstance(members.get("name"), str) or not members["name"]:
            raise BadScript("name is required")
        self._made += 1
        secret = PREFIX + hashlib.sha256(f"a key of the sandbox: {self._made}".encode()).hexdigest()
        key = Key(hash_of(secret), members["name"], masked(secret), now)
        _change(key, {name: members[name] for name in members if name in _GIVEN})
        self.keys[key.hash] = key
        return key, secret

    def update(self, key: Key, members: dict[str, Any], now: dt.datetime) -> None:
        """Change members of a key.

        Raises:
            BadScript: a member that makes no sense.
        """
        _change(key, {name: members[name] for name in members if name in _CHANGEABLE})
        key.updated_at = now

    def delete(self, key: Key) -> None:
        """Take a key away: it is refused from now on."""
        self.deleted.add(key.hash)
        del self.keys[key.hash]

    def remaining(self, key: Key, today: dt.date) -> Decimal | None:
        """What is left of a key's limit in its window; None: it has no limit."""
        if key.limit is None:
            return None
        charged, upstream = self.used(key.hash, window_start(key.limit_reset, today))
        return key.limit - charged - (upstream if key.include_byok_in_limit else costs.ZERO)


def _change(key: Key, members: dict[str, Any]) -> None:
    """Set members of a key.

    Raises:
        BadScript: one of them makes no sense.
    """
    if members.get("limit_reset") not in (None, *WINDOWS):
        raise BadScript("limit_reset is daily, weekly, monthly or null")
    for name, value in members.items():
        if name == "limit":
            key.limit = None if value is None else _limit(value)
        elif name == "expires_at":
            key.expires_at = None if value is None else _moment(value)
        elif value is not None or name == "limit_reset":
            setattr(key, name, value)


def _limit(value: Any) -> Decimal:
    """A limit in USD.

    Raises:
        BadScript: it is no amount.
    """
    amount = None if isinstance(value, bool | str) else costs.amount_of(str(value))
    if amount is None:
        raise BadScript("limit is a number that isn't negative, or null")
    return amount


def _moment(value: Any) -> dt.datetime:
    """A time in UTC.

    Raises:
        BadScript: it is none.
    """
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadScript("expires_at is an ISO 8601 time in UTC") from error
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC)
