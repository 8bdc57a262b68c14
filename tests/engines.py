"""Which engine a test runs on, and where its books are: a file of the home, or a database.

Every home has a database of its own, made from a migrated template when it is first asked for.
Its name follows from the home, so that a test's other processes find the same one.
"""

import contextlib
import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pgserver
from sqlalchemy import UniqueConstraint

from ledger import settings
from ledger.books import migrate
from ledger.books.base import metadata
from ledger.books.books import Books
from ledger.books.target import Target, locate
from ledger.client import wiring

SQLITE, POSTGRESQL = NAMES = ("sqlite", "postgresql")
# Tells a test's other processes where the server is; empty where the engine is SQLite.
ENVIRONMENT = "TEST_POSTGRESQL"
TEMPLATE = "migrated"
_NOWHERE = Path(os.devnull)

_homes: dict[str, Path] = {}
"""The homes whose databases this process made or met, by the database's name."""


def told(server: pgserver.Server) -> str:
    """What the environment says while tests run on this server."""
    return json.dumps({"port": server.port, "password": server.password})


def server() -> pgserver.Server | None:
    """The server of this test; None for SQLite."""
    found = os.environ.get(ENVIRONMENT)
    return pgserver.Server(_NOWHERE, bin=_NOWHERE, **json.loads(found)) if found else None


def make_template(server: pgserver.Server) -> None:
    """Make the database that all others are copies of."""
    server.create(TEMPLATE)
    migrate.upgrade(at(_NOWHERE, server.url(TEMPLATE)))


def unique() -> str:
    """A name that no other test of this run takes."""
    return secrets.token_hex(8)


def unique_keys(table: str) -> list[list[str]]:
    """The columns of each constraint beside the key that no two rows may agree in."""
    return [
        [column.name for column in each.columns]
        for each in metadata.tables[table].constraints
        if isinstance(each, UniqueConstraint)
    ]


def database_of(home: Path) -> str:
    """The database of a home."""
    name = "home_" + hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:24]
    _homes[name] = home
    return name


def url_of(home: Path) -> str | None:
    """The URL of a home's database, made if need be; None for SQLite, whose file makes itself."""
    found = server()
    if found is None:
        return None
    name = database_of(home)
    if not _is_there(found, name):
        from psycopg import errors

        with contextlib.suppress(errors.DuplicateDatabase, errors.UniqueViolation):
            found.create(name, TEMPLATE)  # unless another process of this test is faster
    return found.url(name)


def located(given: settings.Settings) -> Target:
    """`locate`, but on PostgreSQL a home has its own database, which other processes are told."""
    is_ours = not given.url or ("/home_" in given.url and "//ledger:" in given.url)
    url = url_of(given.home) if is_ours else None
    return locate(given) if url is None else at(given.home, url)


def environment(home: Path) -> dict[str, str]:
    """What other processes that open this home are to be told."""
    url = url_of(home)
    return {} if url is None else {"LEDGER_URL": url}


def at(home: Path, url: str | None) -> Target:
    """The database at a URL."""
    return locate(settings.resolve(home=home, url=url, environ={}))


def enter(setattr_: Callable[..., None]) -> None:
    """Let every ledger of this process that names no database take its home's."""
    setattr_(wiring, "locate", located)
    setattr_(Books, "path", property(_path))


def _path(books: Books) -> Path:
    """A server's database has no file: where it would be tells which home is meant."""
    if books.target.path is not None:
        return books.target.path
    return _homes[str(books.target.url.database)] / "ledger.db"


def homes() -> frozenset[str]:
    """The databases that this process knows now."""
    return frozenset(_homes)


def leave(kept: frozenset[str] = frozenset()) -> None:
    """Drop the databases that this process knows, but for those."""
    found = server()
    for name in _homes.keys() - kept:
        del _homes[name]
        if found is not None:
            found.drop(name)


def refuse(home: Path, table: str = "outcome", why: str = "disk full") -> None:
    """Let the books take everything but rows of one table, as a disk that fills up in between."""
    if server() is None:
        body = f"begin select raise(fail, '{why}'); end"
        read(home, f"create trigger refusing before insert on {table} {body}")
        return
    body = f"begin raise exception '{why}' using errcode = 'disk_full'; end"
    read(home, f"create function refusing() returns trigger language plpgsql as $$ {body} $$")
    then = "for each row execute function refusing()"
    read(home, f"create trigger refusing before insert on {table} {then}")


@contextlib.contextmanager
def refusing(home: Path, table: str = "outcome", why: str = "disk full") -> Iterator[None]:
    """`refuse`, for a while."""
    refuse(home, table, why)
    try:
        yield
    finally:
        read(
            home, "drop trigger refusing" if server() is None else "drop function refusing cascade"
        )


@contextlib.contextmanager
def held(home: Path) -> Iterator[None]:
    """A stranger, who knows nothing of our ways to take turns, holds the books."""
    found = server()
    if found is None:
        path = home / "ledger.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as stranger:
            stranger.execute("begin immediate")
            yield
            stranger.execute("rollback")
        return
    with found.connect(database_of(home)) as stranger, stranger.transaction():
        stranger.execute("lock table request, outcome, process, caller in access exclusive mode")
        yield


def assert_sound(home: Path) -> None:
    """Nothing is damaged, and every reference leads somewhere: a server sees to it by itself."""
    if server() is None:
        assert read(home, "PRAGMA integrity_check")[1] == [("ok",)]
        assert read(home, "PRAGMA foreign_key_check")[1] == []


# --- reading ------------------------------------------------------------------------------


def read(home: Path, sql: str, values: Any = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a statement with `?` for its values, run by the driver alone."""
    found = server()
    if found is None:
        return _read_file(home / "ledger.db", sql, values)
    with found.connect(database_of(home)) as connection:
        cursor = connection.execute(sql.replace("%", "%%").replace("?", "%s"), list(values))
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall() if names else []
    return names, [tuple(_plain(value) for value in row) for row in rows]


def _read_file(path: Path, sql: str, values: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        cursor = connection.execute(sql, values)
        return [column[0] for column in cursor.description or ()], cursor.fetchall()


def bytes_of(column: str) -> str:
    """SQL that tells a value's type and exact bytes."""
    if server() is None:
        return f"typeof({column}), hex({column})"
    return f"pg_typeof({column})::text, encode(convert_to({column}::text, 'UTF8'), 'hex')"


def _plain(value: Any) -> Any:
    """A sum of integers is an integer on every engine."""
    whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return int(value) if whole else value


def exist(home: Path) -> bool:
    """Whether a home has books."""
    found = server()
    return (home / "ledger.db").exists() if found is None else _is_there(found, database_of(home))


def _is_there(server: pgserver.Server, name: str) -> bool:
    with server.connect("postgres") as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return connection.execute(query, [name]).fetchone() is not None


if server() is not None and _homes == {}:  # a process of a test: what its fixture did, here too
    enter(setattr)
