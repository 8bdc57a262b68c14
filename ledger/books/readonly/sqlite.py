"""A statement on an SQLite file, behind five doors, each of which would stop most on its own.

The file is opened for reading (`mode=ro`); the connection refuses to write (`query_only`); an
authorizer allows reading known tables and calling known functions, and nothing else; limits bound
lengths, depth and memory; and a clock ends what doesn't end by itself.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger import clock, money
from ledger.books.readonly.allowed import SQLITE_FUNCTIONS
from ledger.books.readonly.jobs import FAILED, REFUSED, STOPPED, Fault, Job

_SCHEMA = frozenset({"sqlite_master", "sqlite_schema", "json_each", "json_tree"})
_OF_SQLITE = ("sqlite_", "pragma_", "fts", "dbstat", "bytecode", "tables_used")
_STEPS_A_LOOK = 1_000
_HEAP = 512 * 1024 * 1024
_ACTIONS = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_").replace("_", " ")
    for name in dir(sqlite3)
    if name.startswith(
        ("SQLITE_CREATE", "SQLITE_DROP", "SQLITE_ALTER", "SQLITE_INSERT", "SQLITE_UPDATE")
    )
    or name
    in {
        "SQLITE_DELETE",
        "SQLITE_PRAGMA",
        "SQLITE_ATTACH",
        "SQLITE_DETACH",
        "SQLITE_TRANSACTION",
        "SQLITE_SAVEPOINT",
        "SQLITE_REINDEX",
        "SQLITE_ANALYZE",
    }
}


class _Guard:
    """The authorizer: what isn't known to be harmless is refused, and why is remembered.

    Args:
        relations: tables and views that may be read.
        others: those that are there too, and may not.
    """

    def __init__(self, relations: tuple[str, ...], others: set[str]) -> None:
        self._relations = {name.lower() for name in relations} | _SCHEMA
        self._others = {name.lower() for name in others} - self._relations
        self.refused: str | None = None

    def __call__(self, action: int, first: str | None, second: str | None, *_where: object) -> int:
        allowed, what = self._judge(action, (first or "").lower(), (second or "").lower())
        if allowed:
            return sqlite3.SQLITE_OK
        self.refused = self.refused or what
        return sqlite3.SQLITE_DENY

    def _judge(self, action: int, first: str, second: str) -> tuple[bool, str]:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return True, ""
        if action == sqlite3.SQLITE_READ:
            return self._may_read(first, second), f"it reads {first}"
        if action == sqlite3.SQLITE_FUNCTION:
            return second in SQLITE_FUNCTIONS, f"it calls {second}()"
        what = _ACTIONS.get(action, "something other than a SELECT")
        return False, f"it asks for {what}{f' of {first}' if first else ''}"

    def _may_read(self, name: str, column: str) -> bool:
        """Whether it may; a part of a WITH of which no column is read is told by its name alone."""
        if name in self._relations:
            return True
        return not column and name not in self._others and not name.startswith(_OF_SQLITE)


@contextlib.contextmanager
def answered(job: Job) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """The columns and the rows, which are read as they are asked for.

    Raises:
        Fault: it may not be run, could not be, or ran into a limit.
    """
    deadline = clock.monotonic() + job.limits.seconds
    connection = _opened(job)
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    guard = _Guard(job.relations, there)
    connection.set_progress_handler(lambda: clock.monotonic() > deadline, _STEPS_A_LOOK)
    connection.set_authorizer(guard)
    try:
        cursor = connection.execute(job.statement, job.values or {})
        columns = [column[0] for column in cursor.description or ()]
        if not columns:
            raise Fault(FAILED, "there is no SELECT in it")
        yield columns, cursor
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _fault(error, guard, job) from None
    finally:
        connection.close()


def _opened(job: Job) -> sqlite3.Connection:
    uri = f"{Path(job.where).as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=job.limits.seconds, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.create_function("usd", 1, _usd, deterministic=True)
    for switch in ("query_only=ON", "trusted_schema=OFF", f"hard_heap_limit={_HEAP}"):
        connection.execute(f"PRAGMA {switch}")
    for limit, value in _limits(job).items():
        connection.setlimit(limit, value)
    return connection


def _limits(job: Job) -> dict[int, int]:
    return {
        sqlite3.SQLITE_LIMIT_LENGTH: job.limits.value_bytes,
        sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
        sqlite3.SQLITE_LIMIT_COLUMN: 500,
        sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
        sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
        sqlite3.SQLITE_LIMIT_VDBE_OP: 250_000,
        sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
        sqlite3.SQLITE_LIMIT_ATTACHED: 0,
        sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
        sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
        sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
        sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
    }


def _usd(pico: object) -> str | None:
    """Exact USD of picodollars, for SQL."""
    if pico is None:
        return None
    if not isinstance(pico, int):
        raise TypeError("usd takes whole numbers of 1e-12 USD")
    return money.usd_text(pico)


def _fault(error: Exception, guard: _Guard, job: Job) -> Fault:
    said = str(error)
    if guard.refused is not None:
        return Fault(REFUSED, guard.refused)
    if said == "interrupted":
        return Fault(STOPPED, f"it ran for more than {job.limits.seconds:g} s")
    if "too big" in said or "out of memory" in said or "full" in said:
        return Fault(STOPPED, f"it needs more than a statement may take: {said}")
    if "user-defined function" in said:
        said = "usd takes whole numbers of 1e-12 USD, such as sum(cost_pico)"
    if "one statement" in said:
        return Fault(REFUSED, "it is more than one statement")
    if "readonly" in said:
        return Fault(REFUSED, "it writes")
    return Fault(FAILED, said)
