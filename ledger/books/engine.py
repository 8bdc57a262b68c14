"""SQLAlchemy engines for one database: connections with the right switches set."""

import sqlite3
import sys
import weakref
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from ledger.books.target import Target
from ledger.errors import LedgerUnavailable
from ledger.settings import DISTRIBUTION

APPLICATION_ID = 0x4C444752  # "LDGR": tells a ledger from any other SQLite file
_BUSY_TIMEOUT_S = 60.0
# What libpq is asked for where LEDGER_URL doesn't say: no connection may hang for ever. A pooler
# that hands connections from transaction to transaction knows no prepared statement the next time.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "fallback_application_name": DISTRIBUTION,
}


def writer_engine(target: Target) -> Engine:
    """An engine whose one connection writes; transactions are begun by the writer itself."""
    if target.path is None:
        return _server_engine(target, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    engine = _sqlite_engine(target, NullPool)
    _on_connect(engine, _writer_switches(target))
    return engine


def reader_engine(target: Target) -> Engine:
    """An engine that can only read: each transaction sees one state of the books."""
    if target.path is None:
        return _server_engine(
            target,
            pool_pre_ping=True,
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        )
    engine = _sqlite_engine(target, QueuePool)
    _on_connect(engine, ("PRAGMA query_only=ON", "PRAGMA trusted_schema=OFF"))
    event.listen(engine, "begin", _begin_reading)
    return engine


def upgrading_engine(target: Target) -> Engine:
    """An engine that changes a server's schema: what others upgraded meanwhile is seen."""
    return _server_engine(target, poolclass=NullPool, isolation_level="READ COMMITTED")


def _server_engine(target: Target, **options: Any) -> Engine:
    """An engine for a server, through psycopg.

    Raises:
        LedgerUnavailable: psycopg is not installed, or can't be loaded.
    """
    defaults = {name: value for name, value in _LIBPQ.items() if name not in target.url.query}
    try:
        engine = create_engine(
            target.url,
            paramstyle="format",
            hide_parameters=True,
            use_native_hstore=False,
            connect_args={"prepare_threshold": None, **defaults},
            **options,
        )
    except ImportError as error:
        raise LedgerUnavailable(
            "LEDGER_URL names a PostgreSQL server, and psycopg, which speaks to it, cannot be"
            f" loaded: {error}.",
            hint=f"Install it with: pip install '{DISTRIBUTION}[postgres]'",
        ) from error
    _close_with(engine)
    return engine


def _close_with(engine: Engine) -> None:
    """Close what is open when the engine is forgotten or the process ends: servers count it."""
    opened: dict[int, Any] = {}

    def remember(connection: Any, _record: Any) -> None:
        opened[id(connection)] = connection

    def forget(connection: Any, _record: Any) -> None:
        opened.pop(id(connection), None)

    event.listen(engine, "connect", remember)
    event.listen(engine, "close", forget)
    weakref.finalize(engine, _close_all, opened)


def _close_all(opened: dict[int, Any]) -> None:
    for connection in list(opened.values()):
        connection.close()


def _sqlite_engine(target: Target, pool: type[NullPool] | type[QueuePool]) -> Engine:
    return create_engine(
        target.url,
        poolclass=pool,
        hide_parameters=True,
        connect_args={
            "isolation_level": None,
            "timeout": _BUSY_TIMEOUT_S,
            "check_same_thread": False,
            "cached_statements": 256,
        },
    )


def _writer_switches(target: Target) -> tuple[str, ...]:
    """Our own checkpoints only; durability as asked; macOS needs more to reach the disk."""
    switches = [
        "PRAGMA wal_autocheckpoint=0",
        "PRAGMA foreign_keys=ON",
        "PRAGMA trusted_schema=OFF",
        f"PRAGMA synchronous={target.synchronous}",
    ]
    if sys.platform == "darwin":
        switches += ["PRAGMA fullfsync=ON", "PRAGMA checkpoint_fullfsync=ON"]
    return tuple(switches)


def _on_connect(engine: Engine, switches: tuple[str, ...]) -> None:
    def set_switches(connection: sqlite3.Connection, _record: Any) -> None:
        for switch in switches:
            connection.execute(switch)

    event.listen(engine, "connect", set_switches)


def _begin_reading(connection: Connection) -> None:
    """A plain BEGIN: one state for the whole read, and no lock that a writer waits for."""
    connection.exec_driver_sql("BEGIN")
