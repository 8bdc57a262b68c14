"""What the provider lists, over time: a row where something changed, and none where nothing did.

Sources: `GET /models` and `GET /models/{author}/{slug}/endpoints`. Prices are exact decimal text
in USD per unit; `pricing_text` is all that was said of them, conditions included.
"""

from typing import Any, ClassVar

from sqlalchemy import Index

from ledger.books.base import (
    Table,
    flag,
    key,
    moment,
    not_negative,
    number,
    points_to,
    required_text,
    strict,
    text,
)
from ledger.clock import Real


class CatalogueModel(Table, table=True):
    """A model as it was listed from a moment on; `is_listed` false: from then on it wasn't."""

    __tablename__ = "catalogue_model"
    __table_args__: ClassVar[Any] = strict(
        not_negative("context_length", "max_completion_tokens"),
        Index("ix_catalogue_model_model", "model", "id"),
    )

    id: str = key()
    process_id: str = points_to("process.id")
    seen_at: Real.Moment = moment()
    model: str = required_text()
    is_listed: bool | None = flag()
    canonical_slug: str | None = text()
    name: str | None = text()
    created: int | None = number()
    context_length: int | None = number()
    max_completion_tokens: int | None = number()
    input_kinds: str | None = text()
    output_kinds: str | None = text()
    supported_parameters: str | None = text()
    is_moderated: bool | None = flag()
    expires_on: str | None = text()
    prompt_price: str | None = text()
    completion_price: str | None = text()
    request_price: str | None = text()
    pricing_text: str | None = text()
    digest: str = required_text()


class CatalogueEndpoint(Table, table=True):
    """One provider's offer of a model as it was listed from a moment on."""

    __tablename__ = "catalogue_endpoint"
    __table_args__: ClassVar[Any] = strict(
        not_negative("context_length", "max_completion_tokens", "max_prompt_tokens"),
        Index("ix_catalogue_endpoint_model", "model", "endpoint", "id"),
    )

    id: str = key()
    process_id: str = points_to("process.id")
    seen_at: Real.Moment = moment()
    model: str = required_text()
    endpoint: str = required_text()
    is_listed: bool | None = flag()
    provider: str | None = text()
    quantization: str | None = text()
    context_length: int | None = number()
    max_completion_tokens: int | None = number()
    max_prompt_tokens: int | None = number()
    supported_parameters: str | None = text()
    prompt_price: str | None = text()
    completion_price: str | None = text()
    request_price: str | None = text()
    pricing_text: str | None = text()
    digest: str = required_text()
