"""The catalogue as calls need it: each model with its offers, read once and kept while it holds.

Whether it still holds is asked of the books at most once a second, and at once where a model isn't
known or where this very process has looked at the provider's lists: a call pays for a look into a
dictionary, not for a query.
"""

import datetime as dt
import threading

from sqlalchemy import Connection

from ledger import clock
from ledger.books.books import Books
from ledger.books.sql_files import query
from ledger.catalogue import reading, sync
from ledger.catalogue.reading import Entry

RECHECK_S = 1.0
"""How long another process's look at the catalogue may go unnoticed."""

_Version = tuple[object, ...]
# The newest look, whatever the clock says now: one that was set back makes no price older.
_EVER = dt.datetime.max.replace(tzinfo=dt.UTC)


class PriceBook:
    """What models and providers ask for, by the newest look at the catalogue."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._reading = threading.Lock()
        self._kept: dict[str, tuple[Entry, ...]] = {}
        self._version: _Version | None = None
        self._checked_at = float("-inf")
        self._looks = sync.looks()

    def entries(self, model: str) -> tuple[Entry, ...]:
        """A model's listing, then each provider's offer of it; nothing where it isn't listed.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        found = self._kept.get(model)
        if found and self._is_fresh():
            return found
        with self._reading, self._books.read() as connection:
            self._look(connection)
            found = self._kept.get(model)
            if not found:
                found = self._kept[model] = _read(connection, model)
        return found

    def _is_fresh(self) -> bool:
        is_recent = clock.monotonic() - self._checked_at < RECHECK_S
        return is_recent and self._looks == sync.looks()

    def _look(self, connection: Connection) -> None:
        """Forget what was read of another version."""
        self._looks, self._checked_at = sync.looks(), clock.monotonic()
        row = connection.execute(query("catalogue_version", connection.dialect.name)).one()
        if tuple(row) != self._version:
            self._kept, self._version = {}, tuple(row)


def _read(connection: Connection, model: str) -> tuple[Entry, ...]:
    listing = reading.listed_model(connection, model, _EVER)
    return () if listing is None else (listing, *reading.offers(connection, model, _EVER))
