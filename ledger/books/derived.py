"""Views and triggers: made from the SQL files, dropped and recreated around migrations."""

import hashlib
from collections.abc import Iterator

from sqlalchemy import Connection, Table, UniqueConstraint, inspect

from ledger.books import models, sql_files
from ledger.books.base import metadata

models.load_all()

_AGAINST_PURGE = {"no_delete", "no_truncate"}
"""The triggers that a table does without whose rows may be purged."""


def statements(engine: str) -> Iterator[str]:
    """Everything that is created after the tables, in order."""
    names = ", ".join(f"'{table.name}'" for table in metadata.sorted_tables)
    for file in sql_files.load("functions", engine).values():
        yield file.body.replace("{tables}", names)
    for table in _facts():
        for file in sql_files.load("triggers", engine).values():
            if table.info.get("purgeable") and file.name in _AGAINST_PURGE:
                continue
            yield file.body.replace("{table}", table.name).replace("{exists}", _exists(table))
    (mark,) = sql_files.load("rollups/marks", engine).values()
    for touched in sql_files.load("rollups/touched", engine).values():
        unspelled = mark.body.replace("{touched}", touched.body)
        yield unspelled.replace("{table}", touched.name.removeprefix("by_"))
    for view in sql_files.load("views", engine).values():
        yield f"CREATE VIEW {view.name} AS\n{view.body}"


def _facts() -> list[Table]:
    """The tables that triggers guard: all but those that can be made anew."""
    return [table for table in metadata.sorted_tables if not table.info.get("rebuildable")]


def view_names(engine: str) -> list[str]:
    """The public views, those that others need first."""
    return list(sql_files.load("views", engine))


def fingerprint(engine: str) -> str:
    """Changes when a view or trigger does: a test asks for a migration then."""
    return hashlib.sha256("\n".join(statements(engine)).encode()).hexdigest()[:16]


def drop(connection: Connection) -> None:
    """Drop our views and triggers, as far as they are there."""
    engine = connection.dialect.name
    for name in reversed(view_names(engine)):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
    for table in _facts():
        where = "" if engine == "sqlite" else f" ON {table.name}"
        for trigger in (*sql_files.load("triggers", engine), "stale"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table.name}_{trigger}{where}")


def create(connection: Connection) -> None:
    """Create our views and triggers; none of them where the schema is not the newest."""
    if not _has_newest_schema(connection):
        return
    for statement in statements(connection.dialect.name):
        connection.exec_driver_sql(_escaped(connection, statement))


def _has_newest_schema(connection: Connection) -> bool:
    """Whether every column that we know is there."""
    found = inspect(connection).get_multi_columns()
    there = {name: {each["name"] for each in columns} for (_, name), columns in found.items()}
    return all(
        set(table.columns.keys()) <= there.get(name, set())
        for name, table in metadata.tables.items()
    )


def _escaped(connection: Connection, statement: str) -> str:
    """Some drivers read a percent sign as the start of a parameter."""
    formats = connection.dialect.paramstyle in ("format", "pyformat")
    return statement.replace("%", "%%") if formats else statement


def _exists(table: Table) -> str:
    """SQL that tells whether a new row would stand on a key that is already booked."""
    keys = [[column.name for column in table.primary_key.columns]]
    keys += [
        [column.name for column in each.columns]
        for each in table.constraints
        if isinstance(each, UniqueConstraint)
    ]
    tests = (" AND ".join(f"{name} = NEW.{name}" for name in columns) for columns in sorted(keys))
    select = f"SELECT 1 FROM {table.name} WHERE"  # noqa: S608 - names of our own tables
    return " OR ".join(f"EXISTS ({select} {test})" for test in tests)
