"""Column types that hold on every engine: exact money, fixed-width UTC times, flags, text."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from ledger import clock, money, texts


class Money(TypeDecorator[int]):
    """Integer picodollars (1e-12 USD) that fit 64 bits. Takes int only: no float, no bool."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """INTEGER on SQLite, where STRICT tables know no BIGINT and 64 bits fit it."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse whatever is not an integer amount."""
        if value is None:
            return None
        if type(value) is not int:
            raise TypeError(f"an amount is an int of picodollars, not {type(value).__name__}")
        if abs(value) > money.MAX_PICO:
            raise OverflowError("an amount must fit 64 bits of picodollars")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Integers come back as integers, also where an engine sums them to Decimal."""
        return None if value is None else int(value)


class UtcTime(TypeDecorator[dt.datetime]):
    """An aware UTC moment, stored as fixed-width text that sorts as time does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Write the fixed-width form; naive times are refused."""
        return None if value is None else clock.to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read the aware moment back."""
        return None if value is None else clock.from_text(value)


class Flag(TypeDecorator[bool]):
    """True or false as 1 or 0: STRICT tables know no booleans."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Write 1 or 0, of a bool only: anything else would be booked as what it isn't."""
        if value is not None and type(value) is not bool:
            raise TypeError(f"a flag is a bool, not {type(value).__name__}")
        return None if value is None else int(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read True or False."""
        return None if value is None else bool(value)


class Whole(TypeDecorator[int]):
    """A 64-bit integer. Takes int only: an engine may round a fraction without a word."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """INTEGER on SQLite, as for amounts."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse whatever is no integer."""
        if value is not None and type(value) is not int:
            raise TypeError(f"a number is an int, not {type(value).__name__}")
        return value


class Words(TypeDecorator[str]):
    """Text that every engine can store: NUL and lone surrogates become U+FFFD on the way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Write what can be stored, of text only: engines differ in what else they would take."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"a text is a str, not {type(value).__name__}")
        return texts.clean(value)
