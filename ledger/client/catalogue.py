"""The catalogue: what the provider lists, now and over time."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ledger.client.wiring import Wired

if TYPE_CHECKING:
    from ledger.catalogue.changes import Change
    from ledger.catalogue.choosing import Wanted
    from ledger.catalogue.reading import Entry
    from ledger.catalogue.sync import SyncReport


class Catalogue(Wired):
    """Models, their offers and prices. Prices are exact Decimals of USD per unit."""

    def sync_models(
        self,
        only: Sequence[str] = (),
        *,
        endpoints: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> "SyncReport":
        """Book what the provider lists now, where it differs from what was booked last.

        A model whose endpoints can't be had is named in the report; the others are booked.

        Args:
            only: models whose endpoints are looked at; all that are listed if empty.
            endpoints: whether each model's endpoints are looked at, a request a model.
            progress: called with (done, all) as endpoints are looked at.

        Raises:
            RequestInvalid: a model of `only` isn't listed.
            ProviderError, ConnectionFailed: the list of models could not be had.
            LedgerUnavailable: it can't be booked.
        """
        from ledger.account.listed import getting
        from ledger.catalogue.sync import sync

        self._open()
        try:
            with getting(self) as get:
                return sync(self.books, get, only=only, endpoints=endpoints, progress=progress)
        finally:
            self.gate.prices.forget()

    def listed_models(self, wanted: "Wanted | None" = None) -> "list[Entry]":
        """The models that the provider lists now, by name. Stores nothing and needs no key.

        Args:
            wanted: what they must have.

        Raises:
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
        """
        from ledger.account.listed import listed_models
        from ledger.catalogue.choosing import chosen

        return chosen(listed_models(self), wanted)

    def booked_models(
        self, wanted: "Wanted | None" = None, at: dt.datetime | None = None
    ) -> "list[Entry]":
        """The models that were listed at a time by the ledger's own looks, by name.

        Args:
            wanted: what they must have.
            at: aware; now if None.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.catalogue import reading
        from ledger.catalogue.choosing import chosen

        return chosen(reading.models(self.books, at), wanted)

    def booked_model(self, name: str, at: dt.datetime | None = None) -> "tuple[Entry, list[Entry]]":
        """A model and its offers, one a provider, as they were listed at a time, now if None.

        Raises:
            NotFoundInLedger: the catalogue had no such model then.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.catalogue import reading

        return reading.model(self.books, name, at), reading.endpoints(self.books, name, at)

    def model_history(self, name: str) -> "list[Entry]":
        """Every listing of a model and of its offers that was booked, oldest first.

        Raises:
            NotFoundInLedger: it never had one.
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.catalogue import reading

        return reading.history(self.books, name)

    def model_changes(self, since: dt.datetime, until: dt.datetime | None = None) -> "list[Change]":
        """What differs in models and offers between two times; now, if the second is None.

        Raises:
            LedgerUnavailable: there are no books yet, or they can't be read.
        """
        from ledger.catalogue import changes, reading

        before, after = (
            reading.models(self.books, at) + reading.endpoints(self.books, at=at)
            for at in (since, until)
        )
        return changes.changes(before, after)
