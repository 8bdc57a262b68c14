"""What the catalogue said, now or at a time: models, their offers, and what changed between."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Connection, Row

from ledger import clock
from ledger.books.books import Books
from ledger.books.sql_files import query
from ledger.errors import NotFoundInLedger
from ledger.openrouter import exact, pricing
from ledger.openrouter.listings import ListedModel
from ledger.openrouter.pricing import Pricing

_PER_MILLION = Decimal(10**6)
_EXACT = Context(prec=100)
"""A listed price has at most 80 digits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model, or one provider's offer of it, as listed from a moment on.

    Attributes:
        model: the model's slug.
        endpoint: which offer; None for the model itself.
        provider: whose offer.
        is_listed: False: from that moment on it was not listed.
        seen_at: when the ledger saw it first.
        context_length, max_completion_tokens, max_prompt_tokens: tokens; None if not said.
        input_kinds, output_kinds, supported_parameters: as listed, sorted.
        pricing: its prices; USD per unit, exact.
    """

    model: str
    endpoint: str | None
    provider: str | None
    name: str | None
    is_listed: bool
    seen_at: dt.datetime
    context_length: int | None
    max_completion_tokens: int | None
    max_prompt_tokens: int | None
    input_kinds: tuple[str, ...]
    output_kinds: tuple[str, ...]
    supported_parameters: tuple[str, ...]
    quantization: str | None
    expires_on: str | None
    pricing_text: str
    pricing: Pricing

    def price(self, kind: str) -> Decimal | None:
        """A base price in USD per unit; None where it is not listed, or nobody knows it."""
        return self.pricing.base.get(kind)

    def per_million(self, kind: str) -> Decimal | None:
        """A base price in USD per million units, as people compare them."""
        price = self.price(kind)
        return None if price is None else _EXACT.multiply(price, _PER_MILLION)


def as_listed(model: ListedModel, seen_at: dt.datetime) -> Entry:
    """A model that the provider lists, as it would be booked at that moment."""
    return Entry(
        model=model.id,
        endpoint=None,
        provider=None,
        name=model.name,
        is_listed=True,
        seen_at=seen_at,
        context_length=model.context_length,
        max_completion_tokens=model.max_completion_tokens,
        max_prompt_tokens=None,
        input_kinds=model.input_kinds,
        output_kinds=model.output_kinds,
        supported_parameters=model.supported_parameters,
        quantization=None,
        expires_on=model.expires_on,
        pricing_text=model.pricing_text,
        pricing=model.pricing,
    )


def models(books: Books, at: dt.datetime | None = None) -> list[Entry]:
    """The models that were listed at a time, now if none is given, by name.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        return _listed(connection, "catalogue_models_at", at=at)


def endpoints(books: Books, model: str | None = None, at: dt.datetime | None = None) -> list[Entry]:
    """The offers of a model, or of all, that were listed at a time, now if none is given.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        return offers(connection, model, at)


def model(books: Books, name: str, at: dt.datetime | None = None) -> Entry:
    """One model as it was listed at a time, now if none is given.

    Raises:
        NotFoundInLedger: the catalogue had no such model then.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        found = listed_model(connection, name, at)
    if found is None:
        raise _not_listed(name)
    return found


def history(books: Books, name: str) -> list[Entry]:
    """Every listing of a model and of its offers that was booked, oldest first.

    Raises:
        NotFoundInLedger: it never had one.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        found = [
            *_entries(connection, "catalogue_model_history", model=name),
            *_entries(connection, "catalogue_endpoint_history", model=name),
        ]
    if not found:
        raise _not_listed(name)
    return sorted(found, key=lambda entry: (entry.seen_at, entry.endpoint or ""))


def listed_model(connection: Connection, name: str, at: dt.datetime | None = None) -> Entry | None:
    """One model as it was listed at a time; None where it wasn't."""
    found = _listed(connection, "catalogue_models_at", name, at)
    return found[0] if found else None


def offers(connection: Connection, name: str | None, at: dt.datetime | None = None) -> list[Entry]:
    """The offers of a model, or of all, that were listed at a time."""
    return _listed(connection, "catalogue_endpoints_at", name, at)


def _not_listed(name: str) -> NotFoundInLedger:
    return NotFoundInLedger(
        f"The ledger's catalogue lists no model {name!r}.",
        hint="Look at the provider's lists with `python -m ledger models sync`.",
    )


def _listed(
    connection: Connection, asked: str, name: str | None = None, at: dt.datetime | None = None
) -> list[Entry]:
    moment = clock.to_text(at or clock.now())
    return [e for e in _entries(connection, asked, model=name, at=moment) if e.is_listed]


def _entries(connection: Connection, asked: str, **values: str | None) -> Iterator[Entry]:
    return map(_entry, connection.execute(query(asked, connection.dialect.name), values).all())


def _entry(row: Row[Any]) -> Entry:
    told = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name
    said = told["pricing_text"] or "{}"
    return Entry(
        model=told["model"],
        endpoint=told.get("endpoint"),
        provider=told.get("provider"),
        name=told.get("name"),
        is_listed=bool(told["is_listed"]),
        seen_at=clock.from_text(told["seen_at"]),
        context_length=told["context_length"],
        max_completion_tokens=told["max_completion_tokens"],
        max_prompt_tokens=told.get("max_prompt_tokens"),
        input_kinds=_words(told.get("input_kinds")),
        output_kinds=_words(told.get("output_kinds")),
        supported_parameters=_words(told["supported_parameters"]),
        quantization=told.get("quantization"),
        expires_on=told.get("expires_on"),
        pricing_text=said,
        pricing=pricing.parse(exact.loads(said)),
    )


def _words(listed: str | None) -> tuple[str, ...]:
    return tuple(listed.split(",")) if listed else ()
