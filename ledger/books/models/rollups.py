"""Sums that can be made anew from the facts at any time, and the marks of those that must be.

Their rows come and go: only fact tables are insert-only. A text of '' stands for none.
"""

from typing import Any, ClassVar

from sqlalchemy import Text
from sqlmodel import Field

from ledger.books.base import Table, rebuildable, required_amount, required_number


def _part_of_key() -> Any:
    return Field(primary_key=True, sa_type=Text)


class _Sums(Table):
    """What is added up, as the columns of the usage views.

    The key comes first: SQLite 3.40 takes the columns before the key of a table without rowids
    for NULL when it checks a file.
    """

    period: str = _part_of_key()
    caller_id: str = _part_of_key()
    model: str = _part_of_key()
    provider: str = _part_of_key()
    requests: int = required_number()
    finished: int = required_number()
    failed: int = required_number()
    cancelled: int = required_number()
    interrupted: int = required_number()
    open_requests: int = required_number()
    prompt_tokens: int = required_number()
    completion_tokens: int = required_number()
    cost_pico: int = required_amount()
    upstream_pico: int = required_amount()
    total_pico: int = required_amount()
    settled_pico: int = required_amount()
    reported_pico: int = required_amount()
    settled_requests: int = required_number()
    reported_requests: int = required_number()
    pending_requests: int = required_number()
    unknown_requests: int = required_number()
    not_charged_requests: int = required_number()
    declared_pico: int = required_amount()
    declared_requests: int = required_number()
    undivided_tokens: int = required_number()


class UsageRollup(_Sums, table=True):
    """Sums of the requests that started in one quarter of an hour (UTC)."""

    __tablename__ = "usage_rollup"
    __table_args__: ClassVar[Any] = rebuildable()


class UsageDayRollup(_Sums, table=True):
    """Sums of the requests that started in one UTC day: those of its quarters."""

    __tablename__ = "usage_day_rollup"
    __table_args__: ClassVar[Any] = rebuildable()


class StaleRollup(Table, table=True):
    """A quarter or a day whose sums are not those of the facts any more.

    Attributes:
        period: the moment at which a quarter began, or a day.
        folding: 0, or the number of whoever sums it just now: a fact that comes resets it.
    """

    __tablename__ = "stale_rollup"
    __table_args__: ClassVar[Any] = rebuildable()

    period: str = _part_of_key()
    folding: int = required_number()
