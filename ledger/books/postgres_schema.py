"""The schema of a server database: its revision, and the one transaction that may change it."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection, text

from ledger.books.advisory import UPGRADING
from ledger.books.engine import upgrading_engine
from ledger.books.target import Target
from ledger.errors import LedgerUnavailable
from ledger.settings import WRITE_PATIENCE_S

# Our own tables tell our revision from that of another application that uses Alembic here.
_FOUND = text("""
    SELECT
        to_regclass('alembic_version') IS NOT NULL AS has_revision,
        to_regclass('request') IS NOT NULL AND to_regclass('process') IS NOT NULL AS is_ours
""")
_REVISION = text("SELECT version_num FROM alembic_version")


def revision_of(connection: Connection, target: Target) -> str | None:
    """The schema revision of a server database; None where it has none yet.

    Raises:
        LedgerUnavailable: another application's tables are there.
        sqlalchemy.exc.SQLAlchemyError: it can't be read.
    """
    found = connection.execute(_FOUND).one()
    row = connection.execute(_REVISION).first() if found.has_revision else None
    if row is not None and not found.is_ours:
        raise LedgerUnavailable(
            f"{target.name} holds another application's tables.",
            hint="Give the ledger a database of its own.",
        )
    return str(row[0]) if row else None


@contextlib.contextmanager
def transaction(target: Target) -> Iterator[Connection]:
    """One transaction for a whole upgrade; others that upgrade wait for its end.

    Raises what the database raises, after undoing everything.
    """
    engine = upgrading_engine(target)
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(WRITE_PATIENCE_S * 1000)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADING})")
        yield connection
