"""Locks that a PostgreSQL server keeps: one queue for what processes on many hosts must not mix."""

import contextlib
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ledger.books.engine import writer_engine
from ledger.books.target import Target

# Keys of `pg_advisory_xact_lock`: "LDGR" and a number. They count within one database.
_OURS = 0x4C444752 << 32
WRITING = _OURS + 1
"""Held by a writing transaction that depends on what it read, until it ends."""
UPGRADING = _OURS + 2
"""Held by an upgrade, until it ends."""
SETTLING = _OURS + 3
"""Held by the one worker that settles what ended processes left."""
LIMITING = _OURS + 4
"""Held by a change of the budgets, until it ends; shared by every call that looks at them."""

_TAKE = (
    "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0;"
    " SELECT pg_try_advisory_xact_lock({key})"
)


class AdvisoryLock:
    """A lock kept for as long as a process wants it, on a connection of its own.

    It is a transaction that stays open and does nothing: behind a pooler that hands connections
    from transaction to transaction, no other form of it is anybody's own. It holds no snapshot,
    so nothing on the server waits for it.

    Args:
        target: the server.
        key: which lock.
    """

    def __init__(self, target: Target, key: int) -> None:
        self._target = target
        self._key = key
        self._connection: Connection | None = None

    def try_lock(self) -> bool:
        """Take the lock if nobody holds it; True where it still is ours.

        Raises:
            LedgerUnavailable: the driver is not installed.
            sqlalchemy.exc.DBAPIError: the server can't be reached.
        """
        if self._connection is not None and self._is_alive(self._connection):
            return True
        self.close()
        connection = writer_engine(self._target).connect()
        try:
            cursor: Any = connection.connection.cursor()
            cursor.execute(_TAKE.format(key=self._key))
            while cursor.nextset():  # each statement has a result
                pass
            row = cursor.fetchone()
        except BaseException:
            connection.close()
            raise
        if row is None or not row[0]:
            connection.close()
            return False
        self._connection = connection
        return True

    def close(self) -> None:
        """Give it back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _is_alive(self, connection: Connection) -> bool:
        """Whether the transaction that holds the lock still stands."""
        try:
            connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            return False
        return True
