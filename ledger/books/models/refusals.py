"""The refusal to send a call."""

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint

from ledger.books.base import (
    Table,
    key,
    may_point_to,
    moment,
    points_to,
    required_text,
    strict,
    text,
)
from ledger.clock import Real

_DAY_OF_REFUSAL = CheckConstraint("day = substr(at, 1, 10)", name="day")


class Refusal(Table, table=True):
    """A call that was never sent, and why."""

    __tablename__ = "refusal"
    __table_args__: ClassVar[Any] = strict(_DAY_OF_REFUSAL)

    id: str = key()
    process_id: str = points_to("process.id")
    caller_id: str | None = may_point_to("caller.id")
    caller_name: str | None = text()
    chain: str | None = text()
    source: str = required_text()
    model_asked: str | None = text()
    at: Real.Moment = moment()
    day: str = required_text()
    reason: str = required_text()
    message: str = required_text()
