"""One call: the request before it is sent, and its outcome."""

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlmodel import Field

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
    required_text,
    strict,
    text,
)
from ledger.clock import Real

_DAY_OF_START = CheckConstraint("day = substr(started_at, 1, 10)", name="day")


class Request(Table, table=True):
    """One attempt, recorded before it is sent."""

    __tablename__ = "request"
    __table_args__: ClassVar[Any] = strict(
        _DAY_OF_START, not_negative("timeout_ms"), Index("ix_request_started_at", "started_at")
    )

    id: str = key()
    process_id: str = points_to("process.id")
    caller_id: str | None = may_point_to("caller.id")
    chain: str | None = text()
    source: str = required_text()
    endpoint: str = required_text()
    base_url: str = required_text()
    model_asked: str | None = text()
    started_at: Real.Moment = moment()
    day: str = required_text()
    timeout_ms: int | None = number()
    streamed: bool | None = flag()
    key_hash: str | None = text()
    config_applied: str | None = text()


class Outcome(Table, table=True):
    """How a request ended on the wire. Its id is the request's: one outcome a request."""

    __tablename__ = "outcome"
    __table_args__: ClassVar[Any] = strict(
        one_of("status", "finished", "failed", "cancelled", "interrupted"),
        one_of("cost_grade", "reported", "pending", "unknown", "not_charged"),
        CheckConstraint("(cost_grade = 'reported') = (cost_pico IS NOT NULL)", name="reported"),
        not_negative(
            "latency_ms",
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "reasoning_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "cost_pico",
            "upstream_pico",
        ),
        Index("ix_outcome_generation_id", "generation_id"),
    )

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("request.id")])
    ended_at: Real.Moment = moment()
    status: str = required_text()
    http_status: int | None = number()
    latency_ms: int | None = number()
    generation_id: str | None = text()
    model: str | None = text()
    provider: str | None = text()
    finish_reason: str | None = text()
    native_finish_reason: str | None = text()
    service_tier: str | None = text()
    system_fingerprint: str | None = text()
    prompt_tokens: int | None = number()
    completion_tokens: int | None = number()
    total_tokens: int | None = number()
    reasoning_tokens: int | None = number()
    cached_tokens: int | None = number()
    cache_write_tokens: int | None = number()
    cost_pico: int | None = amount()
    upstream_pico: int | None = amount()
    is_byok: bool | None = flag()
    cost_grade: str = required_text()
    flags: str | None = text()
    usage_text: str | None = text()
    usage_omitted: str | None = text()
    unknown_fields: str | None = text()
    error_type: str | None = text()
    error_code: str | None = text()
    error_message: str | None = text()
