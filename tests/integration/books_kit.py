"""What the tests of the books share: books in a folder, rows of every table, real processes."""

import contextlib
import datetime as dt
import multiprocessing
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
from sqlalchemy import CheckConstraint, Column
from sqlalchemy import Table as SqlTable

from ledger import clock, settings
from ledger.books import models, process
from ledger.books.base import Table, metadata
from ledger.books.books import Books
from ledger.books.columns import Flag, Money, UtcTime, Whole
from ledger.books.ids import new_id
from ledger.books.models import Caller, Generation, Outcome, Request, SettlementAttempt
from ledger.books.sqlite_store import SqliteStore
from ledger.books.target import Target

models.load_all()

MOMENT = dt.datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=dt.UTC)
ODD_TEXT = "Zażółć 'gęślą' \"jaźń\" 🦉\u2028%s :x ? \\ \t\n-->"
FACTS = [table for table in metadata.sorted_tables if not table.info.get("rebuildable")]
CLASSES: dict[str, type[Table]] = {
    str(mapper.local_table.name): mapper.class_  # type: ignore[attr-defined]
    for mapper in Table._sa_registry.mappers
}


def target_of(home: Path) -> Target:
    return engines.located(settings.resolve(home=home, environ={}))


def books_at(home: Path) -> Books:
    return Books(target_of(home), process.describe)


def store_of(books: Books) -> SqliteStore:
    """The writing connection of an embedded ledger."""
    store = books.writer._store
    assert isinstance(store, SqliteStore)
    return store


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Books]:
    books = books_at(home)
    try:
        yield books
    finally:
        books.close()


@contextlib.contextmanager
def plain(path: Path, **switches: Any) -> Iterator[sqlite3.Connection]:
    """A connection as any other program would make it, in autocommit."""
    options: dict[str, Any] = {"isolation_level": None, "timeout": 30} | switches
    with contextlib.closing(sqlite3.connect(path, **options)) as connection:
        yield connection


def ask(path: Path, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Rows of a query to the books of a home, by the path that its file has or would have."""
    if path.name == "ledger.db":
        return engines.read(path.parent, sql, params)[1]
    with plain(path) as connection:
        return connection.execute(sql, params).fetchall()


def count(path: Path, table: str = "request") -> int:
    return int(ask(path, f"SELECT count(*) FROM {table}")[0][0])


def assert_sound(path: Path) -> None:
    """Nothing is damaged, and every reference leads somewhere."""
    if path.name == "ledger.db":
        engines.assert_sound(path.parent)
        return
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "PRAGMA foreign_key_check") == []


# --- rows ---------------------------------------------------------------------------------


def a_request(books: Books, **given: Any) -> Request:
    started = given.pop("started_at", MOMENT)
    known: dict[str, Any] = {
        "process_id": books.process.id,
        "source": "test",
        "endpoint": "chat",
        "base_url": "https://example.test",
        "started_at": started,
        "day": clock.day_of(started),
        "model_asked": "maker/model",
    }
    return Request(**known | given)


def an_outcome(request: Request, **given: Any) -> Outcome:
    known: dict[str, Any] = {
        "id": request.id,
        "ended_at": request.started_at,
        "status": "finished",
        "cost_grade": "reported" if given.get("cost_pico") is not None else "unknown",
    }
    return Outcome(**known | given)


def a_generation(books: Books, generation_id: str, cost_pico: int, **given: Any) -> Generation:
    return Generation(
        process_id=books.process.id,
        settled_at=MOMENT,
        generation_id=generation_id,
        cost_pico=cost_pico,
        cost_text=str(Decimal(cost_pico).scaleb(-12)),
        **given,
    )


def an_attempt(books: Books, generation_id: str, result: str) -> SettlementAttempt:
    return SettlementAttempt(
        process_id=books.process.id, generation_id=generation_id, at=MOMENT, result=result
    )


def a_caller(books: Books, name: str, folder: str = "/somewhere") -> Caller:
    return Caller(process_id=books.process.id, first_seen_at=MOMENT, name=name, folder=folder)


def full_rows() -> list[Table]:
    """One row of every fact table with every column filled, parents first."""
    return _rows(lambda column, table: _value(column, table, position=0))


def bare_rows() -> list[Table]:
    """One row of every fact table with nothing in it that may be absent, parents first."""
    return _rows(
        lambda column, table: None if column.nullable else _value(column, table, position=-1)
    )


def _rows(value_of: Callable[[Column[Any], SqlTable], Any]) -> list[Table]:
    made: dict[str, Table] = {}
    for table in FACTS:
        values: dict[str, Any] = {}
        for column in table.columns:
            value = value_of(column, table)
            if value is not None and column.foreign_keys:
                (parent,) = (key.column.table.name for key in column.foreign_keys)
                value = made[parent].id  # type: ignore[attr-defined]
            values[column.name] = value
        made[table.name] = CLASSES[table.name](**values)
    return list(made.values())


def _value(  # noqa: PLR0911 - one return a kind of column
    column: Column[Any], table: SqlTable, *, position: int
) -> Any:
    listed = _listed(column, table)
    if listed:
        return listed[position]
    kind = column.type
    if column.primary_key:
        return new_id()
    if column.name == "day":
        return clock.day_of(MOMENT)
    if isinstance(kind, UtcTime):
        return MOMENT
    if isinstance(kind, Flag):
        return True
    if isinstance(kind, Money):
        return 2**63 - 1
    return 2**53 + 1 if isinstance(kind, Whole) else f"{column.name} {new_id()} {ODD_TEXT}"


def _listed(column: Column[Any], table: SqlTable) -> list[str]:
    """The words that a CHECK allows in a column."""
    for check in table.constraints:
        if isinstance(check, CheckConstraint):
            found = re.fullmatch(rf"{column.name} IN \((.*)\)", str(check.sqltext))
            if found:
                return re.findall(r"'([^']*)'", found[1])
    return []


# --- processes ----------------------------------------------------------------------------


def in_processes(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Each job in a fresh process of its own, all at once; their results in order."""
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Manager().Barrier(len(jobs))
    with ProcessPoolExecutor(len(jobs), mp_context=spawn) as pool:
        waiting = [pool.submit(_after_gate, gate, function, job) for job in jobs]
        return [each.result(timeout=120) for each in waiting]


def _after_gate(gate: Any, function: Callable[..., Any], job: tuple[Any, ...]) -> Any:
    gate.wait(60)
    return function(*job)
