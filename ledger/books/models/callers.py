"""Who called, and what the ledger did about the caller's config."""

from typing import Any, ClassVar

from sqlmodel import UniqueConstraint

from ledger.books.base import (
    Table,
    key,
    may_point_to,
    moment,
    one_of,
    points_to,
    required_text,
    strict,
    text,
)
from ledger.clock import Real


class Caller(Table, table=True):
    """A module that asked. Its identity is its name and its folder."""

    __tablename__ = "caller"
    __table_args__: ClassVar[Any] = strict(UniqueConstraint("name", "folder"))

    id: str = key()
    process_id: str = points_to("process.id")
    first_seen_at: Real.Moment = moment()
    name: str = required_text()
    folder: str = required_text()


class ProvisioningEvent(Table, table=True):
    """The ledger created, found, saw changed or had refused a caller's config."""

    __tablename__ = "provisioning_event"
    __table_args__: ClassVar[Any] = strict(one_of("kind", "created", "found", "changed", "refused"))

    id: str = key()
    process_id: str = points_to("process.id")
    caller_id: str | None = may_point_to("caller.id")
    at: Real.Moment = moment()
    kind: str = required_text()
    path: str = required_text()
    template_values: str | None = text()
    reason: str | None = text()
