"""Budgets, what is held of them for calls whose cost is not known, and how it was let go.

What a budget has spent and held follows from these rows and those of the calls; `budget_rollup`
is that sum, kept for the check in the write, and can be made anew at any time.
"""

from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Text
from sqlmodel import Field, UniqueConstraint

from ledger.books import base
from ledger.books.base import (
    Table,
    amount,
    flag,
    key,
    moment,
    not_negative,
    one_of,
    points_to,
    rebuildable,
    required_amount,
    required_number,
    required_text,
    strict,
    text,
)
from ledger.clock import Real


class Budget(Table, table=True):
    """A budget was set, or removed; who did it is told by the process.

    Attributes:
        number: counts the rows: the last one of a name says how that budget stands, whatever the
            clocks of those who set them.
        counted_as: the id of the row since which it is counted: a new limit goes on counting, a
            new scope or period begins anew.
        at_limit: what happens to a call that could go beyond the limit.
    """

    __tablename__ = "budget"
    __table_args__: ClassVar[Any] = strict(
        UniqueConstraint("number"),
        one_of("kind", "set", "removed"),
        one_of("scope", "everyone", "caller", "chain_member", "model", "tag"),
        one_of("period", "day", "week", "month", "total"),
        one_of("at_limit", "refuse", "warn"),
        not_negative("number", "limit_pico", "warn_percent"),
    )

    id: str = key()
    process_id: str = points_to("process.id")
    at: Real.Moment = moment()
    number: int = required_number()
    name: str = required_text()
    kind: str = required_text()
    counted_as: str = required_text()
    scope: str = required_text()
    scope_key: str | None = text()
    scope_value: str | None = text()
    period: str = required_text()
    zone: str = required_text()
    limit_pico: int = required_amount()
    warn_percent: int | None = base.number()
    at_limit: str = required_text()


class Hold(Table, table=True):
    """The most that a request can cost, counted by every budget that it falls under.

    Its id is the request's. `basis` says whose figure it is: derived, the call's own `max_cost`,
    or none, where no budget refuses and the cost has no bound.
    """

    __tablename__ = "hold"
    __table_args__: ClassVar[Any] = strict(
        one_of("basis", "bound", "max_cost", "none"), not_negative("amount_pico")
    )

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("request.id")])
    at: Real.Moment = moment()
    amount_pico: int = required_amount()
    basis: str = required_text()


class HoldEnd(Table, table=True):
    """What a request cost is known: that counts now instead of what was held for it.

    Its id is the hold's. `cause` is the grade of the cost; a later record of the provider corrects
    the amount. `is_over`: it cost more than was held.
    """

    __tablename__ = "hold_end"
    __table_args__: ClassVar[Any] = strict(
        one_of("cause", "reported", "settled", "not_charged", "declared"),
        not_negative("spent_pico"),
    )

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("hold.id")])
    at: Real.Moment = moment()
    cause: str = required_text()
    spent_pico: int = required_amount()
    is_over: bool | None = flag()


class Resolution(Table, table=True):
    """An operator's word on a request whose cost nobody can be asked for."""

    __tablename__ = "resolution"
    __table_args__: ClassVar[Any] = strict(
        UniqueConstraint("request_id"),
        one_of("kind", "cost", "not_sent"),
        not_negative("cost_pico"),
    )

    id: str = key()
    process_id: str = points_to("process.id")
    request_id: str = points_to("request.id")
    at: Real.Moment = moment()
    kind: str = required_text()
    cost_pico: int = required_amount()


class BudgetRollup(Table, table=True):
    """What a budget has spent and held in one of its periods.

    Its id is made of the two. `ceiling_pico` is the limit where it refuses, so that one statement
    tests and takes; None where it only warns.
    """

    __tablename__ = "budget_rollup"
    __table_args__: ClassVar[Any] = rebuildable(UniqueConstraint("counted_as", "period"))

    id: str = key()
    counted_as: str = required_text()
    period: str = required_text()
    ceiling_pico: int | None = amount()
    spent_pico: int = required_amount()
    held_pico: int = required_amount()
