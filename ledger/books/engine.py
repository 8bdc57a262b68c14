"""SQLAlchemy engines for one database: connections with the right switches set."""

import sqlite3
import sys
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from ledger.books.target import Target

APPLICATION_ID = 0x4C444752  # "LDGR": tells a ledger from any other SQLite file
_BUSY_TIMEOUT_S = 60.0


def writer_engine(target: Target) -> Engine:
    """An engine whose one connection writes; transactions are begun by the writer itself."""
    if target.path is None:
        return create_engine(
            target.url, poolclass=NullPool, paramstyle="format", hide_parameters=True
        )
    engine = _sqlite_engine(target, NullPool)
    _on_connect(engine, _writer_switches(target))
    return engine


def reader_engine(target: Target) -> Engine:
    """An engine that can only read: each transaction sees one state of the books."""
    if target.path is None:
        return create_engine(
            target.url,
            hide_parameters=True,
            pool_pre_ping=True,
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        )
    engine = _sqlite_engine(target, QueuePool)
    _on_connect(engine, ("PRAGMA query_only=ON", "PRAGMA trusted_schema=OFF"))
    event.listen(engine, "begin", _begin_reading)
    return engine


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
