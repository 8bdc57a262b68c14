"""What every table has in common: its own metadata, named constraints, STRICT storage."""

from functools import cache
from typing import Any, ClassVar, Self

from sqlalchemy import CheckConstraint, ForeignKey, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from ledger.books.columns import Flag, Money, UtcTime, Whole, Words
from ledger.books.ids import new_id

# Named constraints survive a table rebuild; the metadata is ours alone, so that a host
# application's own SQLModel tables never mix with the books.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=_NAMES)


class Table(SQLModel, registry=registry(metadata=metadata)):
    """Base of all fact tables: one row a fact, inserted once, never changed."""

    # STRICT: a value of the wrong kind is refused. WITHOUT ROWID: a hidden rowid would be one
    # more key through which INSERT OR REPLACE could replace a row.
    __table_args__: ClassVar[Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}

    # A class may be made while a test has frozen time, with the real datetime or the fake one, and
    # pydantic may know the other of the two. Tables are not validated, so either will do.
    model_config = {"arbitrary_types_allowed": True}

    @classmethod
    def booked(cls, **values: Any) -> Self:
        """A row for the path of a call, made from values that were checked at the border.

        It skips what a constructor and a Session need, which costs more than the INSERT; the
        column types, CHECKs and STRICT stand behind it. The id is never made up here.
        """
        row: Self = cls.__new__(cls)
        object.__setattr__(row, "__dict__", _empty(cls) | values)
        return row


@cache
def _empty(kind: type[Table]) -> dict[str, Any]:
    """Every column of a table, not known."""
    return dict.fromkeys(metadata.tables[str(kind.__tablename__)].columns.keys())


def one_of(column: str, *values: str) -> CheckConstraint:
    """A named CHECK that a text column holds one of the values (or nothing)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def not_negative(*columns: str) -> CheckConstraint:
    """A named CHECK that integer columns hold no negative number."""
    return CheckConstraint(
        " AND ".join(f"coalesce({column}, 0) >= 0" for column in columns), name="not_negative"
    )


def strict(*constraints: Any) -> tuple[Any, ...]:
    """`__table_args__` of a table with constraints."""
    return (*constraints, Table.__table_args__)


def purgeable(*constraints: Any) -> tuple[Any, ...]:
    """`__table_args__` of a table whose rows may go, by purge."""
    return (*constraints, {**Table.__table_args__, "info": {"purgeable": True}})


def rebuildable(*constraints: Any) -> tuple[Any, ...]:
    """`__table_args__` of a table that is no fact: its rows are made anew from the facts."""
    return (*constraints, {**Table.__table_args__, "info": {"rebuildable": True}})


def key() -> Any:
    """The primary key: a new UUIDv7 as text."""
    return Field(default_factory=new_id, primary_key=True, sa_type=Text)


def text() -> Any:
    """Text that may be absent."""
    return Field(default=None, sa_type=Words)


def required_text() -> Any:
    """Text that is always there."""
    return Field(sa_type=Words)


def number() -> Any:
    """A 64-bit integer that may be absent."""
    return Field(default=None, sa_type=Whole)


def required_number() -> Any:
    """A 64-bit integer that is always there."""
    return Field(sa_type=Whole)


def amount() -> Any:
    """Picodollars that may be absent: not known is NULL, never 0."""
    return Field(default=None, sa_type=Money)


def required_amount() -> Any:
    """Picodollars that are always there."""
    return Field(sa_type=Money)


def flag() -> Any:
    """True, false or not known."""
    return Field(default=None, sa_type=Flag)


def moment() -> Any:
    """A UTC moment that is always there."""
    return Field(sa_type=UtcTime)


def points_to(target: str) -> Any:
    """A reference to another table's row."""
    return Field(sa_type=Text, sa_column_args=[ForeignKey(target)])


def may_point_to(target: str) -> Any:
    """A reference to another table's row that may be absent."""
    return Field(default=None, sa_type=Text, sa_column_args=[ForeignKey(target)])
