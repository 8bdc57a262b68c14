"""What was asked and answered, where the user switched storing on: the only rows that may go."""

from typing import Any, ClassVar

from sqlalchemy import Index

from ledger.books import base
from ledger.books.base import Table, key, moment, number, one_of, points_to, purgeable
from ledger.clock import Real


class Content(Table, table=True):
    """One message that was sent, or an answer. No view and no export shows it."""

    __tablename__ = "content"
    __table_args__: ClassVar[Any] = purgeable(
        one_of("kind", "message", "answer"),
        Index("ix_content_request_id", "request_id"),
        Index("ix_content_conversation_id", "conversation_id"),
    )

    id: str = key()
    request_id: str = points_to("request.id")
    at: Real.Moment = moment()
    conversation_id: str | None = base.text()
    position: int | None = number()
    kind: str = base.required_text()
    role: str | None = base.text()
    text: str = base.required_text()
    message: str | None = base.text()
