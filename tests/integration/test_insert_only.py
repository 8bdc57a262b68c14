"""Facts stay: no statement that any connection can run changes or removes one."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from books_kit import FACTS, full_rows, opened, plain

from ledger.books.base import metadata

pytestmark = pytest.mark.one_engine  # about a SQLite file

TABLES = sorted(table.name for table in FACTS)
PURGEABLE = {name for name, table in metadata.tables.items() if table.info.get("purgeable")}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with opened(tmp_path_factory.mktemp("insert-only")) as books:
        books.writer.write(*full_rows())
        return books.path


@pytest.fixture(params=[0, 1], ids=["triggers-once", "recursive-triggers"])
def stranger(ledger: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """Any other program's connection: no foreign keys, no settings of ours."""
    with plain(ledger) as connection:
        connection.execute(f"PRAGMA recursive_triggers={request.param}")
        yield connection


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def keys_of(connection: sqlite3.Connection, table: str) -> list[list[str]]:
    """Every set of columns that may not repeat, as the database itself knows them."""
    names = [
        row[1]
        for row in connection.execute(f"PRAGMA index_list({table})")
        if row[2]  # unique
    ]
    return [[row[2] for row in connection.execute(f"PRAGMA index_info({n})")] for n in names]


def one_row(connection: sqlite3.Connection, table: str) -> tuple[Any, ...]:
    row = connection.execute(f"SELECT * FROM {table}").fetchone()
    assert row is not None
    return tuple(row)


def attacks(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, list[Any]]]:
    """Statements with their parameters, each of which would change or remove the row."""
    columns, row = columns_of(connection, table), list(one_row(connection, table))
    kinds = {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({table})")}
    marks = ", ".join("?" * len(columns))
    for column in columns:
        yield f"UPDATE {table} SET {column} = {column}", []
        other = f"{column} || 'x'" if kinds[column] == "TEXT" else f"coalesce({column} - 1, 0)"
        yield f"UPDATE OR REPLACE {table} SET {column} = {other}", []
        yield f"UPDATE OR IGNORE {table} SET {column} = NULL", []
    if table not in PURGEABLE:
        yield f"DELETE FROM {table}", []
        yield f"DELETE FROM {table} WHERE id = ?", [row[columns.index("id")]]
        yield f"DELETE FROM main.{table}", []
    for key in keys_of(connection, table):
        fresh = [
            value if name in key else (f"{value}x" if name == "id" else value)
            for name, value in zip(columns, row, strict=True)
        ]
        yield f"INSERT OR REPLACE INTO {table} VALUES ({marks})", fresh
        yield f"REPLACE INTO {table} VALUES ({marks})", fresh
        yield f"INSERT INTO {table} VALUES ({marks})", fresh
        upsert = f"ON CONFLICT DO UPDATE SET {columns[1]} = 'x'"
        yield f"INSERT INTO {table} VALUES ({marks}) {upsert}", fresh
        target = ", ".join(key)
        named = f"ON CONFLICT ({target}) DO UPDATE SET id = 'other'"
        yield f"INSERT INTO {table} VALUES ({marks}) {named}", fresh
        yield f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}", []


@pytest.mark.parametrize("table", TABLES)
def test_no_statement_changes_or_removes_a_fact(stranger: sqlite3.Connection, table: str) -> None:
    before = stranger.execute(f"SELECT * FROM {table}").fetchall()
    tried = list(attacks(stranger, table))
    assert len(tried) > 10
    for sql, params in tried:
        with pytest.raises(sqlite3.IntegrityError, match="insert-only"):  # noqa: PT012 - says what passed
            stranger.execute(sql, params)
            pytest.fail(f"went through: {sql}")
        assert stranger.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.parametrize("table", TABLES)
def test_every_unique_key_is_guarded(stranger: sqlite3.Connection, table: str) -> None:
    """A key that REPLACE could go through without the trigger would show here first."""
    keys = keys_of(stranger, table)
    assert ["id"] in keys
    (sql,) = stranger.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?",
        [f"{table}_no_replace"],
    ).fetchone()
    for key in keys:
        assert " AND ".join(f"{name} = NEW.{name}" for name in key) in sql


@pytest.mark.parametrize("table", TABLES)
def test_there_is_no_hidden_row_number_to_replace_through(
    stranger: sqlite3.Connection, table: str
) -> None:
    for name in ("rowid", "_rowid_", "oid"):
        with pytest.raises(sqlite3.OperationalError, match=r"no such column|has no column"):
            stranger.execute(f"INSERT OR REPLACE INTO {table} ({name}, id) VALUES (1, 'x')")


def test_what_may_change_can_be_summed_anew_and_says_so() -> None:
    changing = {name for name, table in metadata.tables.items() if table.info.get("rebuildable")}
    assert changing == set(metadata.tables) - set(TABLES)
    assert all(name.endswith("_rollup") for name in changing)


def test_stored_content_alone_may_go() -> None:
    assert {"content"} == PURGEABLE


@pytest.mark.parametrize("table", TABLES)
def test_an_attached_ledger_is_guarded_too(ledger: Path, table: str) -> None:
    with plain(Path(":memory:")) as connection:
        connection.execute("ATTACH ? AS other", [str(ledger)])
        statements = [f"UPDATE other.{table} SET id = 'x'"]
        if table not in PURGEABLE:
            statements.append(f"DELETE FROM other.{table}")
        for sql in statements:
            with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
                connection.execute(sql)


def test_a_key_given_as_a_number_is_the_same_key(tmp_path: Path) -> None:
    """The column turns 12345 into '12345': the trigger must see what will be stored."""
    with opened(tmp_path) as books:
        books.writer.write(*full_rows())
        with plain(books.path) as connection:
            insert = (
                "INSERT OR REPLACE INTO caller (id, process_id, first_seen_at, name, folder)"
                " SELECT ?, id, first_seen_at, ?, 'f' FROM process LIMIT 1"
            )
            connection.execute(insert, [12345, "first"])
            for key in (12345, "12345"):
                with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
                    connection.execute(insert, [key, "second"])
            found = connection.execute("SELECT name FROM caller WHERE id = '12345'").fetchall()
            assert found == [("first",)]


def test_an_insert_that_ignores_conflicts_changes_nothing(stranger: sqlite3.Connection) -> None:
    before = one_row(stranger, "request")
    with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
        stranger.execute("INSERT OR IGNORE INTO request SELECT * FROM request")
    again = "INSERT INTO request SELECT * FROM request WHERE false"
    stranger.execute(again)
    assert stranger.execute("SELECT * FROM request").fetchall() == [before]
