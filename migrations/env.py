"""Alembic's environment: one transaction, under the writers' lock, views and triggers around it.

The package hands its own connection over; on the command line this opens one by the same
settings (LEDGER_URL, LEDGER_HOME).
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from ledger import settings
from ledger.books import migrate, models
from ledger.books.base import metadata
from ledger.books.columns import Flag, Money, UtcTime, Whole, Words
from ledger.books.target import locate

models.load_all()

_PLAIN = {
    Flag: "sa.Integer()",
    Money: "sa.BigInteger()",
    UtcTime: "sa.Text()",
    Whole: "sa.BigInteger()",
    Words: "sa.Text()",
}


def render_item(type_: str, item: Any, _context: Any) -> str | Literal[False]:
    """Scripts must not import the application: its column types are written as plain ones."""
    if type_ == "type" and isinstance(item, TypeDecorator):
        return _PLAIN[type(item)]
    return False


def include_name(name: str | None, _type: str, _parents: Any) -> bool:
    """What full text keeps, tables on SQLite and an index on a server, is no model's."""
    return name is None or not name.startswith("content_search")


def run(connection: Connection) -> None:
    """Run what the command asks for on this connection, inside its open transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        include_name=include_name,
        compare_server_default=True,
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    target = locate(settings.resolve())
    with migrate.exclusive(target), migrate.transaction(target) as opened:
        run(opened)
