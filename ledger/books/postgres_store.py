"""The one connection that writes a ledger on a PostgreSQL server: transaction, retry, fate.

The server itself queues writers, so there is no lock file. What SQLite cannot have: a server
that goes away in the middle, takes another's write first, or answers a COMMIT with silence.
"""

import contextlib
import random
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from ledger import clock
from ledger.books import faults, postgres_faults
from ledger.books.advisory import LIMITING, WRITING
from ledger.books.base import Table
from ledger.books.engine import writer_engine
from ledger.books.statements import Statements
from ledger.books.target import Target
from ledger.errors import LedgerUnavailable
from ledger.logs import logger

_MS = 1000
_COMPACT_MS = 5 * _MS
# A transaction that met another's is tried again at once, then after a growing random pause; a
# lost server is called at once, then ever less often.
_CONFLICT_S, _LONGEST_CONFLICT_S = 0.002, 0.25
_LOST_S, _LONGEST_LOST_S = 0.05, 1.0


class NoQueue:
    """The turn between processes where the server sees to it."""

    def try_lock(self) -> bool:
        """It is always ours."""
        return True

    def lock(self) -> None:
        """Nothing to wait for."""

    def unlock(self) -> None:
        """Nobody waits here."""

    def close(self) -> None:
        """Nothing is held."""


class PostgresStore:
    """A lazily opened writing connection, which is opened anew where the server was lost."""

    engine = "postgresql"

    def __init__(self, target: Target) -> None:
        self.target = target
        self.lock = NoQueue()
        self.connection: Connection | None = None
        self._cursor: Any = None
        self._is_unsure = False
        self._has_written = False

    @cached_property
    def _engine(self) -> Engine:
        return writer_engine(self.target)

    @cached_property
    def statements(self) -> Statements:
        """The engine's INSERTs.

        Raises:
            LedgerUnavailable: the driver is not installed.
        """
        return Statements(self._engine.dialect)

    # --- life -----------------------------------------------------------------------------

    def open(self) -> Any:
        """The driver's cursor, on a connection that is opened if need be.

        Raises:
            LedgerUnavailable: the driver is not installed.
            sqlalchemy.exc.DBAPIError: the server can't be reached.
        """
        if self._cursor is None:
            self.connection = self._engine.connect()
            self._cursor = self.connection.connection.cursor()
        return self._cursor

    def close(self) -> None:
        """Close the connection."""
        connection, self.connection, self._cursor = self.connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    # --- one transaction ------------------------------------------------------------------

    def execute(self, sql: str, params: Any = ()) -> Any:
        """Run a statement on the driver's connection; without parameters it may be several."""
        return self.open().execute(sql, params or None)

    def run(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement, and take its rows."""
        cursor = self.open()
        cursor.execute(sql.replace("?", "%s"), list(params))
        return cursor.fetchall() if cursor.description else []

    def look(self, question: str) -> Any:
        """One value, in one trip with the lock that keeps it as it is."""
        cursor = self.open()
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared({LIMITING}); {question}")
        cursor.nextset()
        return cursor.fetchone()[0]

    def alone(self) -> None:
        """Wait for all that looked."""
        self.execute(f"SELECT pg_advisory_xact_lock({LIMITING})")

    def begin(self, patience_s: float, *, reads: bool) -> None:
        """Begin a write, with all that is asked for it in one trip to the server.

        Where transactions see what others commit meanwhile (READ COMMITTED, the default of
        servers), those that read take turns by a lock; where they don't, the engine itself
        refuses what a turn would have prevented, and it is tried again.
        """
        self.open()
        isolation, turn = "", ""
        if self._engine.dialect.default_isolation_level != "READ COMMITTED":
            isolation = " ISOLATION LEVEL SERIALIZABLE"
        elif reads:
            turn = f"; SELECT pg_advisory_xact_lock({WRITING})"
        wait = f"SET LOCAL lock_timeout = {max(1, int(patience_s * _MS))}"
        self.execute(f"BEGIN{isolation}; {wait}{turn}")

    def commit(self) -> None:
        """Make it as durable as the server's `synchronous_commit` says."""
        self._is_unsure = True
        done = self.execute("COMMIT").statusmessage
        self._is_unsure, self._has_written = False, True
        if done != "COMMIT":  # the server's way to say that a failed transaction was undone
            raise LedgerUnavailable(f"The ledger at {self.target.name} undid the transaction.")
        if self.connection is not None and self.connection.in_transaction():
            self.connection.rollback()  # SQLAlchemy's own view of it; the server has committed

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, also one that can only be undone."""
        return self._status in ("INTRANS", "INERROR", "ACTIVE")

    @property
    def _status(self) -> str:
        if self._cursor is None:
            return "UNKNOWN"
        return cast("str", self._cursor.connection.info.transaction_status.name)

    def rollback(self) -> None:
        """Undo what is open; a lost server has done so by itself."""
        if self.in_transaction:
            try:
                self.execute("ROLLBACK")
            except Exception:  # noqa: BLE001 - whatever it was, the connection is of no more use
                self.close()
        if self.connection is not None and self.connection.in_transaction():
            with contextlib.suppress(SQLAlchemyError):
                self.connection.rollback()

    def recover(self, error: BaseException) -> None:
        """Close a connection that is lost, or that leads to a server that is no leader any more."""
        cursor = self._cursor
        if cursor is not None and (cursor.connection.closed or postgres_faults.is_lost(error)):
            self.close()

    def stands_after(self, error: BaseException) -> bool:
        """Whether it can go on from its last savepoint: not where it met another transaction."""
        return self._status in ("INTRANS", "INERROR") and not postgres_faults.is_conflict(error)

    # --- again ----------------------------------------------------------------------------

    def pause_to_retry(self, error: BaseException, tries: int, until: float) -> bool:
        """Wait a little after a conflict or a lost connection; never after another error."""
        if postgres_faults.is_conflict(error):
            pause = random.uniform(0, min(_CONFLICT_S * 2**tries, _LONGEST_CONFLICT_S))  # noqa: S311 - spreads tries
        elif postgres_faults.is_lost(error) and self._may_come_back(error):
            pause = 0.0 if tries == 1 else min(_LOST_S * 2**tries, _LONGEST_LOST_S)
            if tries == 2:  # noqa: PLR2004 - an idle connection that was cut is no news
                logger.warning("the ledger at %s was lost: waiting for it", self.target.name)
        else:
            return False
        if clock.monotonic() + pause >= until:
            return False
        clock.sleep(pause)
        return True

    def _may_come_back(self, error: BaseException) -> bool:
        """A standby may become a leader; one that never was any here is a mistake in the URL."""
        return self._has_written or not postgres_faults.is_standby(error)

    def was_committed(self, first: Table | None, until: float) -> bool:
        """Whether a COMMIT whose answer was lost went through, by its first row.

        That row is tried once more: while the old transaction is still about to end, the key
        waits for it. So the answer is final, whatever the old connection's end still does.
        """
        if not self._is_unsure:
            return False
        self._is_unsure = False
        tries = 0
        while first is not None:
            try:
                return self._is_booked(first, until)
            except Exception as error:  # noqa: BLE001 - raised again once patience ends
                tries += 1
                self.rollback()
                self.recover(error)
                if not self.pause_to_retry(error, tries, until):
                    raise LedgerUnavailable(
                        f"The ledger at {self.target.name} was lost in the middle of a commit:"
                        " whether it holds the record is not known.",
                        hint="Look it up when the server is back; it is not written twice.",
                    ) from faults.shown(error)
        return False

    def _is_booked(self, row: Table, until: float) -> bool:
        statement = self.statements.of(type(row))
        self.begin(until - clock.monotonic(), reads=False)
        try:
            self.execute(statement.sql(), statement.params(row))
        except Exception as error:
            if not postgres_faults.is_refusal(error):
                raise
        self.rollback()
        table = str(type(row).__tablename__)
        query = f"SELECT 1 FROM {table} WHERE id = %s"  # noqa: S608 - a table of ours
        self.execute(query, [row.id])  # type: ignore[attr-defined]
        return self.open().fetchone() is not None

    # --- the files ------------------------------------------------------------------------

    def compact(self) -> bool:
        """Write the table anew whose rows may go: a deleted row's bytes stay in its pages.

        The server's own log and its backups keep them for as long as they are kept.

        Returns:
            False where a reader was in the way for too long.
        """
        try:
            self.execute(f"BEGIN; SET LOCAL lock_timeout = {_COMPACT_MS}")
            self.execute("CLUSTER content USING pk_content")
            self.execute("COMMIT")
        except Exception as error:
            self.rollback()
            self.recover(error)
            if postgres_faults.is_held(error):
                return False
            raise
        return True

    def wants_checkpoint(self) -> bool:
        """The server tidies its own log."""
        return False

    def tidy(self) -> None:
        """The server does."""

    def checkpoint(self) -> tuple[int, int, int]:
        """The server does."""
        return (0, 0, 0)
