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

from sqlalchemy import Connection, CursorResult, delete, func, insert, select
from sqlmodel import col

from ledger import clock
from ledger.books import sql_files
from ledger.books.base import Table
from ledger.books.books import Books
from ledger.books.models import StaleRollup, UsageDayRollup, UsageRollup
from ledger.books.unit import Transaction
from ledger.errors import LedgerError
from ledger.logs import logger

_QUARTER = dt.timedelta(minutes=15)
# What has just ended still gets its late outcomes and settlements.
_AT_REST = dt.timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Size:
    """One of the two sizes of periods: a day is added up from its quarters."""

    take: str
    fold: str
    table: type[Table]
    period: str
    length: int
    at_once: int


QUARTERS = _Size("take_quarters", "fold_quarters", UsageRollup, "period", 27, 96)
DAYS = _Size("take_days", "fold_days", UsageDayRollup, "day", 10, 32)


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
        while until is None or clock.monotonic() < until:
            with books.read() as connection:
                if not _is_any(connection, size, before):
                    break
            fold_ = Fold(books, size, before)
            if not fold_.take():
                break
            done += fold_.replace(fold_.sums())
    return done


def freshen(books: Books, *, seconds: float = 2.0) -> None:
    """`fold` for who is about to read. What can't be folded is read from the raw rows."""
    try:
        fold(books, seconds=seconds)
    except LedgerError as error:
        logger.debug("the sums of usage were not folded: %s", error)


def _is_any(connection: Connection, size: _Size, before: str) -> bool:
    """Whether anything is marked that has ended: where nothing is, nothing is written."""
    marked = select(col(StaleRollup.period)).where(
        func.length(col(StaleRollup.period)) == size.length, col(StaleRollup.period) < before
    )
    return connection.execute(marked.limit(1)).first() is not None


class Fold:
    """One fold of some periods, in its three steps.

    Args:
        books: whose sums.
        size: of quarters or of days.
        before: fold what began before this moment.
    """

    def __init__(self, books: Books, size: _Size, before: str) -> None:
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
        table, period = self._size.table, self._size.period
        mine = (
            col(StaleRollup.folding) == self._token,
            func.length(col(StaleRollup.period)) == self._size.length,
        )

        def step(transaction: Transaction) -> int:
            connection = transaction.connection
            held = select(col(StaleRollup.period)).where(*mine).with_for_update()
            kept = set(connection.execute(held).scalars())
            connection.execute(delete(table).where(getattr(table, period).in_(kept)))
            rows = [row for row in sums if row[period] in kept]
            if rows:
                connection.execute(insert(table), rows)
            connection.execute(delete(StaleRollup).where(*mine))
            return len(kept)

        return int(self._books.writer.write(step))
