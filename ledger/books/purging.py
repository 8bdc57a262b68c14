"""Removing stored content for good: the rows, the words of the search, and the file's old pages.

A deleted row's bytes stay in the database file until it is written anew, and a full-text index
keeps deleted words even then. So the index is dropped (the next search makes it again), the file is
compacted, and its log emptied, all under the writers' lock.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select
from sqlmodel import col

from ledger.books import content_search
from ledger.books.books import Books
from ledger.books.unit import Transaction


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did, or would do.

    Attributes:
        rows: messages and answers removed.
        before: those of before this moment; None for all.
        left: how many are stored still.
        is_clean: whether no file of the database holds their bytes any more. False where a reader
            was in the way: run it again when it is gone.
        dry_run: whether nothing was changed.
    """

    rows: int
    before: dt.datetime | None
    left: int
    is_clean: bool
    dry_run: bool


def purge(books: Books, before: dt.datetime | None, *, dry_run: bool = False) -> Purged:
    """Remove content that was stored before a moment, or all of it.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be written.
    """
    with books.read() as connection:
        rows, left = _count(connection, before)
    if dry_run:
        return Purged(rows, before, left, is_clean=False, dry_run=True)

    def step(transaction: Transaction) -> int:
        from ledger.books.models import Content

        content_search.drop(transaction.connection)
        gone = delete(Content)
        if before is not None:
            gone = gone.where(col(Content.at) < before)
        return transaction.connection.execute(gone).rowcount

    rows = int(books.writer.write(step))
    is_clean = books.writer.compact()
    with books.read() as connection:
        left, _ = _count(connection, None)
    return Purged(rows, before, left, is_clean=is_clean, dry_run=False)


def _count(connection: Connection, before: dt.datetime | None) -> tuple[int, int]:
    """How much would go, and how much would stay."""
    from ledger.books.models import Content

    whole = connection.execute(select(func.count()).select_from(Content)).scalar_one()
    if before is None:
        return whole, 0
    old = select(func.count()).select_from(Content).where(col(Content.at) < before)
    gone = connection.execute(old).scalar_one()
    return gone, whole - gone
