"""One transaction for one unit, or for many that waited: each whole or not at all."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.orm import make_transient
from sqlmodel import Session

from ledger import clock
from ledger.books import faults
from ledger.books.base import Table
from ledger.books.store import Store
from ledger.books.unit import Unit

_MANY = 16
"""From so many rows on, those of a table share statements."""


class OpenTransaction:
    """The transaction that a unit's steps run in.

    Attributes:
        first: the first row inserted: what it points to was there before, and where it is in
            the books, all of the transaction is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.first: Table | None = None

    @property
    def connection(self) -> Connection:
        """The SQLAlchemy connection of this transaction, for reading."""
        self._store.open()
        return cast("Connection", self._store.connection)

    @property
    def engine(self) -> str:
        """The engine's name."""
        return self._store.engine

    def run(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement on the driver's connection, and take its rows."""
        return self._store.run(sql, params)

    def look(self, question: str) -> Any:
        """One value that nobody changes before this transaction ends."""
        return self._store.look(question)

    def alone(self) -> None:
        """Wait for every transaction that looked; later ones wait for this one."""
        self._store.alone()

    def insert(self, *rows: Table) -> None:
        """Insert rows on the driver's connection: a few one by one, many in shared statements."""
        if len(rows) >= _MANY:
            for sql, params in self._store.statements.batches(rows):
                self._store.execute(sql, params)
            self.first = self.first or rows[0]
            return
        for row in rows:
            statement = self._store.statements.of(type(row))
            self._store.execute(statement.sql(), statement.params(row))
            self.first = self.first or row

    def add(self, *rows: Table) -> None:
        """Insert rows through a Session that joins this transaction.

        Without relationships a Session knows no order between tables: parents go in first here.
        """
        connection = self.connection
        if not connection.in_transaction():  # else the Session's commit would be the real one
            connection.begin()
        with Session(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as session:
            for row in rows:
                make_transient(row)  # a Session that was undone still counts it as stored
            ranks = {type(row): self._store.statements.of(type(row)).rank for row in rows}
            ordered = sorted(rows, key=lambda row: ranks[type(row)])
            for kind in dict.fromkeys(map(type, ordered)):
                session.add_all([row for row in ordered if type(row) is kind])
                session.flush()
            session.commit()
        self.first = self.first or next(iter(ordered), None)


def commit_units(
    store: Store, units: Sequence[Unit], prologue: Sequence[Table], patience_s: float
) -> bool:
    """Run and commit units in one transaction. Each unit gets its result or its error.

    Args:
        store: the writing connection, whose lock is held.
        units: what to commit, in order.
        prologue: rows that go in before all of them.
        patience_s: how long a stranger's lock or a lost server is waited for. A unit whose
            waiter gives up meanwhile is left out.

    Returns:
        Whether a transaction was committed.
    """
    try:
        _Effort(store, units, prologue, clock.monotonic() + patience_s).succeed()
    except Exception as error:  # noqa: BLE001 - every unit is told, whatever happened
        for unit in units:
            unit.error = unit.error or faults.unavailable(error, store.target.name)
        return False
    except BaseException:
        store.rollback()
        raise
    return True


class _Effort:
    """One transaction, tried again where the engine says that it may go through then.

    Only the database's part is ever repeated: a unit holds no call to anybody else.
    """

    def __init__(
        self, store: Store, units: Sequence[Unit], prologue: Sequence[Table], until: float
    ) -> None:
        self._store = store
        self._units = units
        self._prologue = prologue
        self._until = until
        self._mine: list[Unit] | None = None

    def succeed(self) -> None:
        """Try until it is committed.

        Raises:
            Exception: what it failed with, once that is final.
        """
        tries = 0
        while True:
            transaction = OpenTransaction(self._store)
            try:
                self._try(transaction)
            except Exception as error:
                tries += 1
                self._store.rollback()
                self._store.recover(error)
                if self._store.was_committed(transaction.first, self._until):
                    return
                if not self._store.pause_to_retry(error, tries, self._until):
                    raise
            else:
                return

    def _try(self, transaction: OpenTransaction) -> None:
        store = self._store
        reads = any(unit.steps for unit in self._units)
        store.begin(self._until - clock.monotonic(), reads=reads)
        if self._mine is None:
            self._mine = [unit for unit in self._units if unit.take()]
        for unit in self._mine:
            unit.error = None
        self._arm(transaction)
        transaction.insert(*self._prologue)
        if len(self._mine) == 1:
            _run(transaction, self._mine[0])
        else:
            _run_many(store, transaction, self._mine)
        store.commit()

    def _arm(self, transaction: OpenTransaction) -> None:
        """Ask the guard, once for all that passes it."""
        units = [unit for unit in self._mine or () if unit.guarded]
        if not units:
            return
        passing = [each for unit in units for each in unit.guarded]
        guard = passing[0].guard
        is_watched = guard.watches(transaction, transaction.look(guard.question), passing)
        for unit in units:
            unit.arm(is_watched=is_watched)


def _run(transaction: OpenTransaction, unit: Unit) -> None:
    transaction.insert(*unit.rows)
    for step in unit.steps:
        unit.result = step(transaction)


def _run_many(store: Store, transaction: OpenTransaction, units: Sequence[Unit]) -> None:
    """Units in order; rows-only neighbours share multi-row statements."""
    neighbours: list[Unit] = []
    for unit in units:
        if unit.steps:
            _run_rows(store, transaction, neighbours)
            neighbours = []
            _run_alone(store, transaction, unit)
        else:
            neighbours.append(unit)
    _run_rows(store, transaction, neighbours)


def _run_rows(store: Store, transaction: OpenTransaction, units: Sequence[Unit]) -> None:
    """All rows at once; if one is refused, unit by unit, so that it falls alone."""
    if not units:
        return
    store.execute("SAVEPOINT batch")
    try:
        rows = list(_rows(units))
        for sql, params in store.statements.batches(rows):
            store.execute(sql, params)
        transaction.first = transaction.first or next(iter(rows), None)
    except Exception as error:
        if not store.stands_after(error):
            raise
        store.execute("ROLLBACK TO batch")
        for unit in units:
            _run_alone(store, transaction, unit)
    store.execute("RELEASE batch")


def _run_alone(store: Store, transaction: OpenTransaction, unit: Unit) -> None:
    """One unit under a savepoint of its own; its failure leaves the others' work in place."""
    store.execute("SAVEPOINT unit")
    before = transaction.first
    try:
        _run(transaction, unit)
    except BaseException as error:
        if not store.stands_after(error):
            raise
        store.execute("ROLLBACK TO unit")
        transaction.first = before
        unit.error = faults.unavailable(error, store.target.name)
    store.execute("RELEASE unit")


def _rows(units: Iterable[Unit]) -> Iterable[Table]:
    for unit in units:
        yield from unit.rows
