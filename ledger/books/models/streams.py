"""What is known of an answer while it still comes."""

from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, Text
from sqlmodel import Field

from ledger.books.base import Table, moment, not_negative, number, required_text, strict
from ledger.clock import Real


class ResponseStart(Table, table=True):
    """The generation id of an answer that has begun, so that one without an end can be settled.

    Its id is the request's. `latency_ms` is the time from the request to here.
    """

    __tablename__ = "response_start"
    __table_args__: ClassVar[Any] = strict(
        not_negative("latency_ms"), Index("ix_response_start_generation_id", "generation_id")
    )

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("request.id")])
    at: Real.Moment = moment()
    generation_id: str = required_text()
    latency_ms: int | None = number()
