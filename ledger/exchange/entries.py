"""Reading documents and log entries from the export views, row by row."""

import contextlib
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, text

from ledger.exchange.folders import JsonFolder
from ledger.openrouter import exact

SHOWN = 1000
_ROWS_AT_ONCE = 500

_ALL = "SELECT entry FROM {view} ORDER BY at, id"
# Which entries are shown is decided by their keys alone; only those are made into JSON.
_LAST = """
SELECT e.entry
FROM (SELECT id FROM {view} ORDER BY at DESC, id DESC LIMIT {shown}) AS latest
CROSS JOIN {view} AS e
WHERE e.id = latest.id
ORDER BY e.at, e.id
"""
# CROSS JOIN: SQLite keeps the order, and looks a request's folder up instead of scanning all
# requests for every folder.
_PLACES = "WITH place (caller_id, number) AS (VALUES {values})"
_ALL_BY_FOLDER = """
SELECT p.number, e.entry
FROM export_skill_log AS e CROSS JOIN place AS p
WHERE p.caller_id = e.caller_id
ORDER BY p.number, e.at, e.id
"""
_LAST_BY_FOLDER = """
SELECT latest.number, e.entry
FROM (
    SELECT r.id, p.number, row_number() OVER (
        PARTITION BY p.number ORDER BY r.started_at DESC, r.id DESC
    ) AS age
    FROM request AS r CROSS JOIN place AS p
    WHERE p.caller_id = r.caller_id
) AS latest
CROSS JOIN export_skill_log AS e
WHERE e.id = latest.id AND latest.age <= {shown}
ORDER BY latest.number, e.at, e.id
"""
_COUNT_BY_FOLDER = """
SELECT p.number, count(*)
FROM request AS r CROSS JOIN place AS p
WHERE p.caller_id = r.caller_id
GROUP BY p.number
"""

Totals = dict[int, int]
FolderEntries = Iterator[tuple[int, Iterator[str]]]


@contextlib.contextmanager
def json_views(connection: Connection) -> Iterator[None]:
    """Let views use JSON functions while the block runs.

    Our readers run with `trusted_schema=OFF`, under which SQLite 3.40, for one, refuses its own
    JSON functions in views (`unsafe use of json_object()`). A hostile file gains nothing by it:
    the reader can't write, and no function of ours or loadable extension is there to be called.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        connection.exec_driver_sql("PRAGMA trusted_schema=ON")
    try:
        yield
    finally:
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA trusted_schema=OFF")


def document(connection: Connection, view: str) -> str:
    """The one document that a view yields, as JSON text."""
    found = connection.execute(text(f"SELECT document FROM {view}")).scalar_one()  # noqa: S608 - a view of ours
    return str(found)


def entries(connection: Connection, view: str, *, every_entry: bool) -> tuple[Iterator[str], int]:
    """A log view's entries as JSON text, oldest first, and how many there are in all."""
    total: int = connection.execute(text(f"SELECT count(*) FROM {view}")).scalar_one()  # noqa: S608 - a view of ours
    query = _ALL if every_entry else _LAST
    rows = _rows(connection, query.format(view=view, shown=SHOWN), {})
    return map(itemgetter(0), rows), total


def folder_documents(connection: Connection, folders: list[JsonFolder]) -> Iterator[str]:
    """For each folder the `data` of its document, as JSON text: each caller's entry by name.

    Two callers of one name meet in a folder where the home stands in for another folder: their
    figures are added up.
    """
    rows = connection.execute(text("SELECT caller_id, name, entry FROM export_skill_data"))
    known = {caller_id: (name, entry) for caller_id, name, entry in rows}
    for folder in folders:
        data: dict[str, Any] = {}
        for caller_id in folder.caller_ids:
            name, entry = known[caller_id]
            data[name] = _sum(data.get(name), exact.loads(entry))
        yield exact.dumps(dict(sorted(data.items())))


def folder_entries(
    connection: Connection, folders: list[JsonFolder], *, every_entry: bool
) -> tuple[FolderEntries, Totals]:
    """The log entries of folders that have any, by the folder's number, and how many in all.

    One pass over the requests serves all folders; entries have to be read in order.
    """
    if not folders:
        return iter(()), {}
    with_places, values = _places(folders)
    totals = connection.execute(text(with_places + _COUNT_BY_FOLDER), values)
    query = with_places + (_ALL_BY_FOLDER if every_entry else _LAST_BY_FOLDER.format(shown=SHOWN))
    grouped = groupby(_rows(connection, query, values), key=itemgetter(0))
    by_folder = ((number, map(itemgetter(1), rows)) for number, rows in grouped)
    return by_folder, {number: count for number, count in totals}  # noqa: C416 - rows, not pairs


def _places(folders: list[JsonFolder]) -> tuple[str, dict[str, str]]:
    """SQL that tells each caller's folder by number, and its parameters."""
    rows: list[str] = []
    values: dict[str, str] = {}
    for number, folder in enumerate(folders):
        for caller_id in folder.caller_ids:
            name = f"caller_{len(values)}"
            rows.append(f"(:{name}, {number})")
            values[name] = caller_id
    return _PLACES.format(values=", ".join(rows)), values


def _rows(connection: Connection, query: str, values: dict[str, str]) -> Iterator[Any]:
    """Rows as the database yields them, a few at a time."""
    options = {"yield_per": _ROWS_AT_ONCE}
    with connection.execute(text(query), values, execution_options=options) as found:
        for part in found.partitions():
            yield from part


def _sum(one: Any, other: Any) -> Any:
    """Two entries as one: numbers added, the later time, objects member by member."""
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, dict):
        return {key: _sum(one.get(key), other.get(key)) for key in one | other}
    return max(one, other) if isinstance(one, str) else one + other
