"""The user's own words beside a request."""

from typing import Any, ClassVar

from sqlmodel import UniqueConstraint

from ledger.books import base
from ledger.books.base import Table, points_to, required_text, strict


class RequestTag(Table, table=True):
    """One tag of a request, booked with it."""

    __tablename__ = "request_tag"
    __table_args__: ClassVar[Any] = strict(UniqueConstraint("request_id", "key"))

    id: str = base.key()
    request_id: str = points_to("request.id")
    key: str = required_text()
    value: str = required_text()
