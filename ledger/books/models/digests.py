"""What a request asked, as a number that tells only whether another asked the same."""

from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Text
from sqlmodel import Field

from ledger.books.base import Table, required_text, strict


class RequestDigest(Table, table=True):
    """The HMAC of a request's messages under a secret of the home. Its id is the request's.

    Nobody without that secret can tell from it what was asked, or try a guess.
    """

    __tablename__ = "request_digest"
    __table_args__: ClassVar[Any] = strict()

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("request.id")])
    digest: str = required_text()
