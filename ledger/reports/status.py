"""Where the ledger is, where its key comes from, and what in it is not done yet."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import text

from ledger.account.limits import KeyLimits
from ledger.books.books import Books
from ledger.callers.configs import GlobalConfig
from ledger.calls.admission import Desk
from ledger.limits import balances
from ledger.limits.balances import BudgetState
from ledger.openrouter import keys
from ledger.reports import callers, provider
from ledger.settings import Settings

_FIRST_STEP = "No ledger yet; the first call makes it. Try: python -m ledger demo"
_FIRST_STEP_ON_A_SERVER = "No ledger in this database yet: python -m ledger upgrade"
_COUNTS = text("""
    SELECT
        count(*) AS requests,
        count(CASE WHEN status = 'open' THEN 1 END) AS open_requests,
        count(CASE WHEN cost_grade = 'pending' THEN 1 END) AS pending_requests,
        count(CASE WHEN cost_grade = 'unknown' THEN 1 END) AS unknown_requests,
        (SELECT count(*) FROM caller) AS callers
    FROM request_status
""")


class Opened(Protocol):
    """What is asked of a ledger here."""

    settings: Settings
    books: Books
    desk: Desk


@dataclass(frozen=True, slots=True)
class KeySource:
    """A place that has a key, in words, and the key as OpenRouter itself would show it."""

    source: str
    masked: str


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one ledger.

    Attributes:
        version: of this package.
        home: the folder of the ledger and its JSON files.
        database: its file, or its URL without a password.
        revision: of its schema; None where there is no ledger yet.
        base_url: where calls go.
        key: the key that counts; None where none is found.
        other_keys: other places that hold a different key, which does not count.
        requests, callers: how many there are.
        open_requests: requests without an outcome.
        pending_requests: requests whose cost is still asked for.
        unknown_requests: requests whose cost nobody can say.
        budgets: those in force, with what each has spent, holds and has left.
        auto_export: whether the JSON files are kept up to date in the background.
        key_limits: what the provider says that the key may spend and has spent; None where it
            was not asked, or did not say.
        not_asked: why the provider said nothing of the key; None where it did.
        advice: what to do next; empty where nothing needs doing.
    """

    version: str
    home: Path
    database: str
    revision: str | None
    base_url: str
    key: KeySource | None
    other_keys: tuple[KeySource, ...]
    callers: int
    requests: int
    open_requests: int
    pending_requests: int
    unknown_requests: int
    budgets: tuple[BudgetState, ...]
    auto_export: bool
    key_limits: KeyLimits | None
    not_asked: str | None
    advice: tuple[str, ...]


def status(ledger: Opened, *, offline: bool = False) -> Status:
    """The state of a ledger, also before its first call, without a key and without a network.

    Args:
        ledger: whose.
        offline: ask nobody; else the provider has 3 seconds to say what it knows.

    Raises:
        ConfigInvalid: a config file of the home can't be read as one.
        LedgerUnavailable: the books are there and can't be read.
    """
    from ledger import __version__

    settings, books, desk = ledger.settings, ledger.books, ledger.desk
    rules = desk.rules()
    key, others = _keys(desk, rules)
    counts = _counts(books)
    entries = callers.entries(books, settings.home) if counts else []
    standing = provider.standing(ledger, entries, offline=offline, has_key=key is not None)
    revision = books.revision
    return Status(
        version=__version__,
        home=settings.home,
        database=books.target.name,
        revision=revision,
        base_url=desk.base_url(rules),
        key=key,
        other_keys=others,
        callers=counts.get("callers", 0),
        requests=counts.get("requests", 0),
        open_requests=counts.get("open_requests", 0),
        pending_requests=counts.get("pending_requests", 0),
        unknown_requests=counts.get("unknown_requests", 0),
        budgets=tuple(balances.states(books)) if counts else (),
        auto_export=rules.auto_export,
        key_limits=standing.key_limits,
        not_asked=standing.not_asked,
        advice=(
            *_advice(
                settings.home, revision, key, counts, is_embedded=books.target.path is not None
            ),
            *standing.advice,
        ),
    )


def _counts(books: Books) -> dict[str, int]:
    """What is in the books, by name; nothing where there are none yet."""
    if books.revision is None:
        return {}
    with books.read() as connection:
        found = connection.execute(_COUNTS).one()._asdict()
    return {name: int(count) for name, count in found.items()}


def _keys(desk: Desk, rules: GlobalConfig) -> tuple[KeySource | None, tuple[KeySource, ...]]:
    """The place of the key that counts, and those of other keys that differ from it."""
    used, found = desk.found_keys(rules)
    if used is None:
        return None, ()
    others = [place for place in found if place.key.strip() != used.key.strip()]
    return (
        KeySource(used.source, keys.mask(used.key)),
        tuple(KeySource(place.source, keys.mask(place.key)) for place in others),
    )


def _advice(
    home: Path,
    revision: str | None,
    key: KeySource | None,
    counts: dict[str, int],
    *,
    is_embedded: bool,
) -> tuple[str, ...]:
    """The next steps, each with its command."""
    found = []
    if revision is None:
        found.append(_FIRST_STEP if is_embedded else _FIRST_STEP_ON_A_SERVER)
    if key is None:
        variable = "set" if os.name == "nt" else "export"
        found.append(f"No key: {variable} OPENROUTER_API_KEY=..., or put it into {home / '.env'}")
    if counts.get("pending_requests"):
        found.append("Costs are pending: python -m ledger settle")
    return tuple(found)
