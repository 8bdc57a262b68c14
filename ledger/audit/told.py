"""The provider's figures of some days: by key, day and model, and by generation."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ledger import clock
from ledger.audit.periods import Period
from ledger.audit.provider import Provider
from ledger.errors import RequestInvalid
from ledger.openrouter.activity import ActivityRow, parse_csv
from ledger.openrouter.analytics import HALF_STEP_PICO, MAX_DAYS, Told
from ledger.openrouter.generation import NotARecord

ACTIVITY_DAYS = 30
# Of a dated slug that no sum has: the provider's records have `openai/gpt-4o-mini-2024-07-18`.
_DATE = re.compile(r"-20\d\d-?[01]\d-?[0-3]\d(?=$|:)")
Cell = tuple[str | None, str, str | None]
"""Key hash, UTC day, model."""


@dataclass(slots=True)
class Figures:
    """Calls, credits and the own bills of BYOK providers; picodollars."""

    requests: int = 0
    pico: int = 0
    upstream_pico: int = 0

    def add(self, requests: int, pico: int, upstream_pico: int) -> None:
        """Add to each."""
        self.requests += requests
        self.pico += pico
        self.upstream_pico += upstream_pico


@dataclass(slots=True)
class Accounts:
    """What the provider tells.

    Attributes:
        source: `activity`, `csv` or `key`.
        days: those of which sums are told; `open_days` those of which only generations are.
        keys: whose sums; [None] where they aren't told apart.
        aliases: the model of a dated slug.
        generations: asks for those of a key and day; None where nobody says.
        half_step_pico: how far off the amount of one generation may be.
        tells_byok: whether the own bills of BYOK providers are told.
        others: what keys used that the ledger has no call of.
    """

    source: str
    days: frozenset[str] = frozenset()
    open_days: frozenset[str] = frozenset()
    keys: tuple[str | None, ...] = ()
    sums: dict[Cell, Figures] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    generations: Callable[[str | None, str], list[Told]] | None = None
    half_step_pico: int = 0
    tells_byok: bool = True
    others: Figures = field(default_factory=Figures)
    notes: list[str] = field(default_factory=list)

    def model(self, name: str | None) -> str | None:
        """A model by the name that the sums have for it."""
        if name is None or name in self.aliases:
            return self.aliases.get(name or "")
        return _DATE.sub("", name)


def from_activity(provider: Provider, keys: Iterable[str | None], period: Period) -> Accounts:
    """The sums of the last 30 completed days by key, and generations of the last 31.

    Raises:
        ProviderError, ConnectionFailed: the provider refused, or no answer came.
    """
    today = clock.now().date()
    first = (today - dt.timedelta(days=ACTIVITY_DAYS)).isoformat()
    asked = tuple(key for key in keys if key is not None)
    days = frozenset(day for day in period if first <= day < today.isoformat())
    accounts = Accounts("activity", days, keys=asked, half_step_pico=HALF_STEP_PICO)
    accounts.open_days = frozenset({today.isoformat()} & set(period))
    everything = provider.activity(None)
    _learn(accounts, everything)
    for key in asked:
        _add(accounts, ((key, row) for row in provider.activity(key)))
    known = Figures()
    for figures in accounts.sums.values():
        known.add(figures.requests, figures.pico, figures.upstream_pico)
    for row in everything:
        if row.day in days:
            accounts.others.add(row.requests, row.usage_pico, row.byok_pico or 0)
    accounts.others.add(-known.requests, -known.pico, -known.upstream_pico)
    earliest = (today - dt.timedelta(days=MAX_DAYS)).isoformat()
    accounts.generations = lambda key, day: _on_day(provider, key, day) if day > earliest else []
    old = [day for day in period if day < first]
    if old:
        accounts.notes.append(
            f"{old[0]} to {old[-1]}: the provider tells the last {ACTIVITY_DAYS} completed days"
            " only; give its export of those days as a CSV (--activity FILE)."
        )
    return accounts


def from_csv(path: Path, period: Period) -> Accounts:
    """The sums, or the generations, of a file of the provider's.

    Raises:
        RequestInvalid: it can't be read as one; the error says in which line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = parse_csv(file)
    except (OSError, UnicodeDecodeError, NotARecord) as error:
        why = error.strerror if isinstance(error, OSError) else error
        why = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else why
        raise RequestInvalid(
            f"{path} can't be read as the provider's activity: {why}.",
            hint="Its columns are date, model, usage and requests, or generation_id, created_at,"
            " model_permaslug and cost_total.",
        ) from error
    inside = [row for row in rows if row.day in period]
    today = clock.now().date().isoformat()
    has_today = any(row.day == today for row in inside)
    days = frozenset(day for day in period if day != today or has_today)
    keys = tuple(dict.fromkeys(row.key_hash for row in inside)) or (None,)
    accounts = Accounts("csv", days, keys=keys)
    _learn(accounts, rows)
    _add(accounts, ((row.key_hash, row) for row in inside))
    if any(row.byok_pico is None for row in rows):
        accounts.tells_byok = False
        accounts.notes.append(f"{path.name} doesn't say what BYOK providers charged besides.")
    if len(inside) < len(rows):
        accounts.notes.append(f"{len(rows) - len(inside)} rows of {path.name} are of other days.")
    if rows and all(row.generation_id for row in rows):
        accounts.generations = _of_file(rows)
    return accounts


def _of_file(rows: list[ActivityRow]) -> Callable[[str | None, str], list[Told]]:
    found: dict[tuple[str | None, str], list[Told]] = defaultdict(list)
    for row in rows:
        told = Told(
            row.generation_id or "", row.user, row.usage_pico, row.byok_pico or 0, row.model, row.at
        )
        found[row.key_hash, row.day].append(told)
    return lambda key, day: found.get((key, day), [])


def _on_day(provider: Provider, key: str | None, day: str) -> list[Told]:
    only = Period(dt.date.fromisoformat(day), dt.date.fromisoformat(day))
    return provider.generations(only.start, only.end, key)


def _learn(accounts: Accounts, rows: Iterable[ActivityRow]) -> None:
    """Which model each dated slug is."""
    for row in rows:
        if row.permaslug != row.model:
            accounts.aliases |= {row.permaslug: row.model, row.model: row.model}


def _add(accounts: Accounts, rows: Iterable[tuple[str | None, ActivityRow]]) -> None:
    for key, row in rows:
        if row.day in accounts.days:
            cell = (key, row.day, accounts.model(row.model))
            figures = accounts.sums.setdefault(cell, Figures())
            figures.add(row.requests, row.usage_pico, row.byok_pico or 0)
