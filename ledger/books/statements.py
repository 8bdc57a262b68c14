"""INSERT statements rendered once from the tables, for rows that skip the Session.

A Session's unit of work costs ten times the insert; on the path of a call only the insert
itself is run, on the driver's connection, with the types' own conversions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, insert
from sqlalchemy import Table as SqlTable

from ledger.books.base import Table, metadata

# Multi-row statements come in few sizes, so that the driver's statement cache holds them all.
_BATCH_SIZES = (64, 16, 4, 1)


@dataclass(frozen=True, slots=True)
class Insert:
    """One table's INSERT for one engine."""

    rank: int
    head: str
    values: str
    one: str
    names: tuple[str, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]

    def params(self, row: Table) -> list[Any]:
        """The row's values as the driver takes them, in the statement's order."""
        get = row.__dict__.get
        values = [get(name) for name in self.names]
        for index, convert in self.converters:
            if values[index] is not None:
                values[index] = convert(values[index])
        return values

    def sql(self, rows: int = 1) -> str:
        """The statement for that many rows at once."""
        return self.one if rows == 1 else self.head + ", ".join([self.values] * rows)


class Statements:
    """The INSERTs of one engine, rendered on first use and kept."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._inserts: dict[type[Table], Insert] = {}

    def of(self, kind: type[Table]) -> Insert:
        """The INSERT of a table's class."""
        found = self._inserts.get(kind)
        if found is None:
            found = self._inserts[kind] = self._render(kind)
        return found

    def batches(self, rows: Sequence[Table]) -> Iterator[tuple[str, list[Any]]]:
        """Multi-row statements for rows of several tables, parents before children."""
        kinds: dict[type[Table], list[Table]] = {}
        for row in rows:
            kinds.setdefault(type(row), []).append(row)
        for kind in sorted(kinds, key=lambda each: self.of(each).rank):
            yield from self._sized(self.of(kind), kinds[kind])

    def _sized(self, statement: Insert, rows: list[Table]) -> Iterator[tuple[str, list[Any]]]:
        start = 0
        for size in _BATCH_SIZES:
            while len(rows) - start >= size:
                chunk = rows[start : start + size]
                yield statement.sql(size), [v for row in chunk for v in statement.params(row)]
                start += size

    def _render(self, kind: type[Table]) -> Insert:
        table = metadata.tables[str(kind.__tablename__)]
        compiled = insert(table).compile(
            dialect=self._dialect, column_keys=[column.name for column in table.columns]
        )
        head, _, values = str(compiled).partition("VALUES ")
        names = tuple(compiled.positiontup or ())
        converters = []
        for index, name in enumerate(names):
            kind_of_column = table.columns[name].type.dialect_impl(self._dialect)
            convert = kind_of_column.bind_processor(self._dialect)
            if convert is not None:
                converters.append((index, convert))
        head, values = f"{head}VALUES ", values.strip()
        return Insert(_rank(table), head, values, head + values, names, tuple(converters))


def _rank(table: SqlTable) -> int:
    """How many references lead from a table to one that has none: parents have a lower rank.

    Told from names alone, for the classes of parents need not be loaded.
    """
    parents = {key.target_fullname.partition(".")[0] for key in table.foreign_keys} - {table.name}
    known = [metadata.tables[name] for name in parents if name in metadata.tables]
    return 1 + max((_rank(parent) for parent in known), default=0) if parents else 0
