"""Under which names callers are shown: a row for each caller that was renamed."""

from typing import Any, ClassVar

from sqlmodel import Index

from ledger.books.base import Table, key, moment, points_to, required_text, strict
from ledger.clock import Real


class CallerAlias(Table, table=True):
    """A caller was renamed: from that moment on, all of it is shown under another name."""

    __tablename__ = "caller_alias"
    __table_args__: ClassVar[Any] = strict(Index("ix_caller_alias_caller_id", "caller_id"))

    id: str = key()
    process_id: str = points_to("process.id")
    caller_id: str = points_to("caller.id")
    at: Real.Moment = moment()
    name: str = required_text()
