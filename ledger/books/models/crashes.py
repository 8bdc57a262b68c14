"""Whose end was noticed: a process that died during a call."""

from typing import Any, ClassVar

from sqlmodel import UniqueConstraint

from ledger.books.base import Table, key, moment, points_to, strict
from ledger.clock import Real


class CrashNotice(Table, table=True):
    """A process saw that the one that made a request had died during it, and said so, once."""

    __tablename__ = "crash_notice"
    __table_args__: ClassVar[Any] = strict(UniqueConstraint("request_id"))

    id: str = key()
    process_id: str = points_to("process.id")
    request_id: str = points_to("request.id")
    at: Real.Moment = moment()
