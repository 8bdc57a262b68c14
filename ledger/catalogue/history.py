"""The history of the catalogue: a new row where a listing differs from the newest one booked."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from ledger import clock
from ledger.books.models import CatalogueEndpoint, CatalogueModel
from ledger.books.sql_files import query
from ledger.openrouter import exact
from ledger.openrouter.listings import ListedEndpoint, ListedModel


@dataclass(frozen=True, slots=True)
class Newest:
    """What the books last knew of a listing: its digest, and whether it was listed at all."""

    digest: str
    is_listed: bool


def newest_models(connection: Connection) -> dict[str, Newest]:
    """The newest booked listing of every model."""
    rows = connection.execute(query("catalogue_newest_models", connection.dialect.name))
    return {model: Newest(digest, bool(listed)) for model, digest, listed in rows}


def newest_endpoints(connection: Connection, model: str) -> dict[str, Newest]:
    """The newest booked listing of every endpoint of a model."""
    asked = query("catalogue_newest_endpoints", connection.dialect.name)
    rows = connection.execute(asked, {"model": model})
    return {name: Newest(digest, bool(listed)) for name, digest, listed in rows}


def model_rows(
    listed: Iterable[ListedModel], booked: Mapping[str, Newest], process_id: str
) -> list[CatalogueModel]:
    """The rows of models that are new, changed, listed again, or gone from the list.

    Args:
        listed: all that the provider lists now.
        booked: what `newest_models` knows.
        process_id: whose look it was.
    """
    common: dict[str, Any] = {"process_id": process_id, "seen_at": clock.now()}
    rows: list[CatalogueModel] = []
    seen = set()
    for model in listed:
        seen.add(model.id)
        digest = _digest(model)
        if booked.get(model.id) != Newest(digest, is_listed=True):
            rows.append(_model_row(model, digest, common))
    rows += [
        CatalogueModel(model=name, is_listed=False, digest=known.digest, **common)
        for name, known in booked.items()
        if known.is_listed and name not in seen
    ]
    return rows


def endpoint_rows(
    model: str,
    listed: Iterable[ListedEndpoint],
    booked: Mapping[str, Newest],
    process_id: str,
) -> list[CatalogueEndpoint]:
    """The rows of one model's endpoints that are new, changed, listed again, or gone."""
    common: dict[str, Any] = {
        "process_id": process_id,
        "seen_at": clock.now(),
        "model": model,
    }
    rows: list[CatalogueEndpoint] = []
    seen = set()
    for offer in listed:
        seen.add(offer.endpoint)
        digest = _digest(offer)
        if booked.get(offer.endpoint) != Newest(digest, is_listed=True):
            rows.append(_endpoint_row(offer, digest, common))
    rows += [
        CatalogueEndpoint(endpoint=name, is_listed=False, digest=known.digest, **common)
        for name, known in booked.items()
        if known.is_listed and name not in seen
    ]
    return rows


def _model_row(model: ListedModel, digest: str, common: dict[str, Any]) -> CatalogueModel:
    return CatalogueModel(
        model=model.id,
        is_listed=True,
        canonical_slug=model.canonical_slug,
        name=model.name,
        created=model.created,
        context_length=model.context_length,
        max_completion_tokens=model.max_completion_tokens,
        input_kinds=",".join(model.input_kinds),
        output_kinds=",".join(model.output_kinds),
        supported_parameters=",".join(model.supported_parameters),
        is_moderated=model.is_moderated,
        expires_on=model.expires_on,
        **_price_columns(model),
        digest=digest,
        **common,
    )


def _endpoint_row(offer: ListedEndpoint, digest: str, common: dict[str, Any]) -> CatalogueEndpoint:
    return CatalogueEndpoint(
        endpoint=offer.endpoint,
        is_listed=True,
        provider=offer.provider,
        quantization=offer.quantization,
        context_length=offer.context_length,
        max_completion_tokens=offer.max_completion_tokens,
        max_prompt_tokens=offer.max_prompt_tokens,
        supported_parameters=",".join(offer.supported_parameters),
        **_price_columns(offer),
        digest=digest,
        **common,
    )


def _price_columns(listed: ListedModel | ListedEndpoint) -> dict[str, Any]:
    base = listed.pricing.base
    return {
        "prompt_price": _plain(base.get("prompt")),
        "completion_price": _plain(base.get("completion")),
        "request_price": _plain(base.get("request")),
        "pricing_text": listed.pricing_text,
    }


def _plain(price: Decimal | None) -> str | None:
    """A price as plain positional text, never `1E-7`."""
    return None if price is None else f"{price:f}"


def _digest(listed: ListedModel | ListedEndpoint) -> str:
    """A short mark of all that was listed; equal listings have equal marks."""
    told = [
        getattr(listed, field.name)
        for field in dataclasses.fields(listed)
        if field.name != "pricing"  # its text says it all
    ]
    lists = [list(value) if isinstance(value, tuple) else value for value in told]
    return hashlib.sha256(exact.dumps(lists).encode()).hexdigest()[:32]
