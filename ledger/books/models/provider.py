"""What the provider's own records say: generations, the attempts to fetch them, credits.

Field names and units of `generation` are those of `GET /generation` (OpenRouter's OpenAPI
description), amounts as picodollars, times in milliseconds.
"""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import UniqueConstraint

from ledger.books.base import (
    Table,
    amount,
    flag,
    key,
    may_point_to,
    moment,
    not_negative,
    number,
    one_of,
    points_to,
    required_amount,
    required_text,
    strict,
    text,
)
from ledger.clock import Real


class Generation(Table, table=True):
    """The provider's own record of the work, as fetched once."""

    __tablename__ = "generation"
    __table_args__: ClassVar[Any] = strict(
        UniqueConstraint("generation_id"),
        not_negative("cost_pico", "upstream_pico", "tokens_prompt", "tokens_completion"),
    )

    id: str = key()
    process_id: str = points_to("process.id")
    settled_at: Real.Moment = moment()
    generation_id: str = required_text()
    cost_pico: int = required_amount()
    upstream_pico: int | None = amount()
    cache_discount_pico: int | None = amount()
    is_byok: bool | None = flag()
    cost_text: str = required_text()
    created_at: str | None = text()
    model: str | None = text()
    provider: str | None = text()
    upstream_id: str | None = text()
    tokens_prompt: int | None = number()
    tokens_completion: int | None = number()
    native_tokens_prompt: int | None = number()
    native_tokens_completion: int | None = number()
    native_tokens_reasoning: int | None = number()
    native_tokens_cached: int | None = number()
    native_tokens_completion_images: int | None = number()
    num_media_prompt: int | None = number()
    num_media_completion: int | None = number()
    num_input_audio_prompt: int | None = number()
    num_search_results: int | None = number()
    num_fetches: int | None = number()
    latency_ms: int | None = number()
    generation_time_ms: int | None = number()
    moderation_latency_ms: int | None = number()
    finish_reason: str | None = text()
    native_finish_reason: str | None = text()
    streamed: bool | None = flag()
    cancelled: bool | None = flag()
    api_type: str | None = text()
    app_id: int | None = number()
    origin: str | None = text()
    service_tier: str | None = text()
    router: str | None = text()
    web_search_engine: str | None = text()
    data_region: str | None = text()
    preset_id: str | None = text()
    workspace_id: str | None = text()
    session_id: str | None = text()
    provider_request_id: str | None = text()
    response_cache_source_id: str | None = text()
    flags: str | None = text()
    provider_responses: str | None = text()
    unknown_fields: str | None = text()


class SettlementAttempt(Table, table=True):
    """One try to fetch a generation, and how it went."""

    __tablename__ = "settlement_attempt"
    __table_args__: ClassVar[Any] = strict(
        one_of("result", "settled", "not_ready", "failed", "given_up"),
        Index("ix_settlement_attempt_generation_id", "generation_id", "result"),
    )

    id: str = key()
    process_id: str = points_to("process.id")
    request_id: str | None = may_point_to("request.id")
    generation_id: str = required_text()
    at: Real.Moment = moment()
    result: str = required_text()
    http_status: int | None = number()
    error: str | None = text()


class CreditSnapshot(Table, table=True):
    """What the provider said about the account's credits at a time."""

    __tablename__ = "credit_snapshot"

    id: str = key()
    process_id: str = points_to("process.id")
    at: Real.Moment = moment()
    key_hash: str | None = text()
    total_credits_pico: int | None = amount()
    total_usage_pico: int | None = amount()
    note: str | None = text()
