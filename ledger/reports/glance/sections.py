"""What stands below the figures of a glance, and on a page: a titled table each.

A new section is a function here, named in `SECTIONS`: the terminal, the JSON document and the
page show it without further ado.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from ledger import clock, money
from ledger.books import sql_files

_MONTH = dt.timedelta(days=30)
_MOST = 5
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Section:
    """A table with a title.

    Attributes:
        name: its key in JSON.
        title: its heading.
        columns: the names of its columns; those in `_usd` hold exact decimal text.
        rows: their values.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_json(self) -> list[dict[str, Any]]:
        """A JSON object for each row, amounts as numbers."""
        return [
            {
                name: Decimal(value) if name.endswith("_usd") and value is not None else value
                for name, value in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]


def sections(connection: Connection) -> list[Section]:
    """Every section that has something to say."""
    found = (section(connection) for section in SECTIONS)
    return [each for each in found if each is not None]


def errors(connection: Connection) -> Section | None:
    """What went wrong most often in the last 30 days."""
    since = clock.to_text(clock.now() - _MONTH)
    rows = connection.execute(_query("errors", connection), {"since": since, "most": _MOST}).all()
    if not rows:
        return None
    columns = ("error", "requests", "last_at")
    return Section("errors", "Errors of the last 30 days", columns, tuple(map(tuple, rows)))


def credits_left(connection: Connection) -> Section | None:
    """What the account had left when the provider last said so, and how long ago that was."""
    row = connection.execute(_query("last_credits", connection)).first()
    if row is None:
        return None
    left = row.total_credits_pico - row.total_usage_pico
    values = (money.usd_text(left), row.at, age(clock.now() - clock.from_text(row.at)))
    return Section("credits", "Credits left", ("remaining_usd", "asked_at", "age"), (values,))


def age(past: dt.timedelta) -> str:
    """How long ago, in the largest whole unit: `3 hours ago`."""
    seconds = int(past.total_seconds())
    for size, unit in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _query(name: str, connection: Connection) -> Any:
    return text(sql_files.load("reports", connection.dialect.name)[name].body)


SECTIONS: tuple[Callable[[Connection], Section | None], ...] = (errors, credits_left)
"""In the order in which they are shown."""
