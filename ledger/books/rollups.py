"""Folding: the sums of each quarter of an hour and of each day are kept beside the facts.

A trigger marks the quarter and the day that a new fact changes, and the usage views read the raw
rows of what is marked. A fold takes marks, sums what they stand for on a snapshot, then replaces
those sums whose marks are still its own: a fact that came meanwhile has taken the mark back. So a
view is right at every moment, and no lock is held while the sums are made.
"""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, text

from ledger import clock
from ledger.books import sql_files
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.errors import LedgerError
from ledger.logs import logger

_QUARTER = dt.timedelta(minutes=15)
# What has just ended still gets its late outcomes and settlements.
_AT_REST = dt.timedelta(minutes=2)

_IS_ANY = text(
    "SELECT 1 FROM stale_rollup WHERE length(period) = :length AND period < :before LIMIT 1"
)
_END = text(
    "DELETE FROM stale_rollup WHERE folding = :token AND length(period) = :length RETURNING period"
)


@dataclass(frozen=True, slots=True)
class Size:
    """One of the two sizes of periods: a day is added up from its quarters.

    Attributes:
        take: the query that takes marks, at most `at_once`; `fold` adds up what was taken.
        table: where the sums are kept, by the column `period`.
        length: of a period's text, which tells quarters from days.
    """

    take: str
    fold: str
    table: str
    length: int
    at_once: int


QUARTERS = Size("take_quarters", "fold_quarters", "usage_rollup", 27, 96)
DAYS = Size("take_days", "fold_days", "usage_day_rollup", 10, 32)


def fold(books: Books, *, seconds: float | None = None) -> int:
    """Fold what is marked and has ended two minutes ago or earlier, the oldest first.

    Args:
        books: whose sums.
        seconds: begin nothing more after so many; no limit if none is given.

    Returns:
        How many quarters and days were folded.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read or written.
    """
    until = None if seconds is None else clock.monotonic() + seconds
    before = clock.to_text(clock.now() - _AT_REST - _QUARTER)
    done = 0
    for size in (QUARTERS, DAYS):
        while (until is None or clock.monotonic() < until) and _is_any(books, size, before):
            one = Fold(books, size, before)
            if not one.take():  # a day that still has a stale quarter
                break
            done += one.replace(one.sums())
    return done


def freshen(books: Books, *, seconds: float = 2.0) -> None:
    """`fold` for who is about to read. What can't be folded is read from the raw rows."""
    try:
        fold(books, seconds=seconds)
    except LedgerError as error:
        logger.debug("the sums of usage were not folded: %s", error)


def _is_any(books: Books, size: Size, before: str) -> bool:
    """Whether anything is marked that has ended: where nothing is, nothing is written."""
    with books.read() as connection:
        found = connection.execute(_IS_ANY, {"length": size.length, "before": before})
        return found.first() is not None


class Fold:
    """One fold of some periods, in its three steps.

    Args:
        books: whose sums.
        size: of quarters or of days.
        before: fold what began before this moment.
    """

    def __init__(self, books: Books, size: Size, before: str) -> None:
        self._books = books
        self._size = size
        self._before = before
        # Nobody else has this number, so a mark that bears it was touched by nobody since.
        self._token = 1 + secrets.randbits(62)

    def take(self) -> int:
        """Take the oldest marks. Returns how many."""
        given = {"token": self._token, "before": self._before, "most": self._size.at_once}

        def step(transaction: Transaction) -> int:
            connection = transaction.connection
            query = sql_files.query(self._size.take, connection.dialect.name)
            return cast("CursorResult[Any]", connection.execute(query, given)).rowcount

        return int(self._books.writer.write(step))

    def sums(self) -> list[dict[str, Any]]:
        """Add up what was taken, on one state of the books."""
        with self._books.read() as connection:
            query = sql_files.query(self._size.fold, connection.dialect.name)
            found = connection.execute(query, {"token": self._token}).mappings()
            return [dict(row) for row in found]

    def replace(self, sums: Sequence[dict[str, Any]]) -> int:
        """Put in the sums of those periods that nothing came to meanwhile. Returns how many."""
        size, mine = self._size, {"token": self._token, "length": self._size.length}

        def step(transaction: Transaction) -> int:
            connection = transaction.connection
            ended = set(connection.execute(_END, mine).scalars())
            rows = [row for row in sums if row["period"] in ended]
            if ended:
                old = f"DELETE FROM {size.table} WHERE period = :period"  # noqa: S608 - a table of ours
                connection.execute(text(old), [{"period": period} for period in ended])
            if rows:
                connection.execute(_insert(size.table, tuple(rows[0])), rows)
            return len(ended)

        return int(self._books.writer.write(step))


def _insert(table: str, columns: tuple[str, ...]) -> Any:
    values = ", ".join(f":{name}" for name in columns)
    return text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})")  # noqa: S608 - a table of ours
