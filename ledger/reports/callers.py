"""The callers of the books: where each one's config is, what it says, and what the calls cost."""

import dataclasses
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from ledger import clock, money
from ledger.books.books import Books
from ledger.callers import configs, provisioning
from ledger.callers.configs import CallerConfig
from ledger.calls import naming
from ledger.calls.naming import Booked
from ledger.errors import ConfigInvalid

_USAGE = text("""
    SELECT
        r.caller_id,
        count(*) AS requests,
        coalesce(sum(s.total_pico), 0) AS total_pico,
        count(CASE WHEN s.cost_grade IN ('pending', 'unknown') THEN 1 END) AS not_known,
        max(s.started_at) AS last_request_at
    FROM request_status AS s
    JOIN request AS r ON r.id = s.id
    WHERE r.caller_id IS NOT NULL
    GROUP BY r.caller_id
""")
_NOTHING: dict[str, Any] = {
    "requests": 0,
    "total_pico": 0,
    "not_known": 0,
    "last_request_at": None,
}


@dataclasses.dataclass(frozen=True, slots=True)
class CallerEntry:
    """One caller, under the name that it is shown by.

    Attributes:
        name: what it was last renamed to, else its own.
        booked_as: the names under which its calls were booked.
        folder: beside whose code its JSON folder is, or its place in the home.
        config: its config file, whether there is one or not.
        model: `ai_model` of that config; None where it says none.
        enabled: whether its calls are not switched off; None where the config can't be read.
        problem: why the config can't be read, where it can't.
        requests: how many calls were booked.
        total_pico: what is known of their cost; `total_usd` is the same, exact.
        not_known: requests whose cost is pending or unknown.
        last_request_at: when the latest of them started.
    """

    name: str
    booked_as: tuple[str, ...]
    folder: Path
    config: Path
    model: str | None
    enabled: bool | None
    problem: str | None
    requests: int
    total_pico: int
    total_usd: Decimal
    not_known: int
    last_request_at: dt.datetime | None


def entries(books: Books, home: Path) -> list[CallerEntry]:
    """Every caller, by name and folder.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        usage = _usage(connection)
        everyone = sorted(naming.booked(connection), key=_key)
    return [
        _entry(list(same), usage, home)
        for _, same in groupby(everyone, key=lambda each: _key(each)[:2])
    ]


def _key(caller: Booked) -> tuple[str, str, str]:
    return caller.shown, str(caller.folder), caller.id


def _usage(connection: Connection) -> dict[str, dict[str, Any]]:
    """Figures by caller id."""
    return {row.caller_id: row._asdict() for row in connection.execute(_USAGE)}


def _entry(same: list[Booked], usage: dict[str, dict[str, Any]], home: Path) -> CallerEntry:
    """What was booked under several names in one folder is one entry by its present name."""
    newest = next((each for each in reversed(same) if each.name == each.shown), same[-1])
    path, config, problem = _config(newest, home)
    figures = [usage.get(each.id, _NOTHING) for each in same]
    total = _sum(figures, "total_pico")
    moments = [each["last_request_at"] for each in figures if each["last_request_at"]]
    return CallerEntry(
        name=newest.shown,
        booked_as=tuple(each.name for each in same),
        folder=newest.folder,
        config=path,
        model=config.ai_model if config else None,
        enabled=config.enabled if config else None,
        problem=problem,
        requests=_sum(figures, "requests"),
        total_pico=total,
        total_usd=money.to_usd(total),
        not_known=_sum(figures, "not_known"),
        last_request_at=clock.from_text(max(moments)) if moments else None,
    )


def _sum(figures: Iterable[dict[str, Any]], name: str) -> int:
    return sum(int(each[name]) for each in figures)


def _config(caller: Booked, home: Path) -> tuple[Path, CallerConfig | None, str | None]:
    """Where a caller's config is, what it says, or why nobody can tell."""
    path = provisioning.config_path(caller.caller(home), home)
    try:
        return path, configs.read_caller_config(path, caller.name), None
    except ConfigInvalid as error:
        return path, None, error.message
