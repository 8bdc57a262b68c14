"""The catalogue as calls need it: what each model costs at most, read once and kept while it holds.

Whether it still holds is asked of the books at most once a second, and at once where a model isn't
known or where this ledger itself has looked at the provider's lists: a call pays for a look into a
dictionary, not for a query.
"""

import datetime as dt
import threading

from sqlalchemy import Connection

from ledger import clock
from ledger.books.books import Books
from ledger.books.sql_files import query
from ledger.catalogue import reading
from ledger.limits.rates import Offer, compiled

RECHECK_S = 1.0
"""How long another process's look at the catalogue may go unnoticed."""

# The newest look, whatever the clock says now: one that was set back makes no price older.
_EVER = dt.datetime.max.replace(tzinfo=dt.UTC)


class PriceBook:
    """What models cost, by the newest look at the catalogue. Any thread may ask it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._reading = threading.Lock()
        self._kept: dict[str, tuple[Offer, ...]] = {}
        self._version: tuple[object, ...] | None = None
        self.forget()

    def offers(self, model: str) -> tuple[Offer, ...]:
        """What a model's listing asks, then each provider; nothing where it isn't listed.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        found = self._kept.get(model)
        if found and clock.monotonic() - self._checked_at < RECHECK_S:
            return found
        with self._reading, self._books.read() as connection:
            self._look(connection)
            if not self._kept.get(model):
                self._kept[model] = _read(connection, model)
            return self._kept[model]

    def forget(self) -> None:
        """Ask the books at the next call: the catalogue may have changed."""
        self._checked_at = float("-inf")

    def _look(self, connection: Connection) -> None:
        """Forget what was read of another version."""
        self._checked_at = clock.monotonic()
        row = connection.execute(query("catalogue_version", connection.dialect.name)).one()
        if tuple(row) != self._version:
            self._kept, self._version = {}, tuple(row)


def _read(connection: Connection, model: str) -> tuple[Offer, ...]:
    listing = reading.listed_model(connection, model, _EVER)
    if listing is None:
        return ()
    return compiled(listing, reading.offers(connection, model, _EVER))
