"""One transaction for one unit, or for many that waited: each whole or not at all."""

from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import Connection
from sqlmodel import Session

from ledger.books import faults
from ledger.books.base import Table
from ledger.books.sqlite_store import SqliteStore
from ledger.books.unit import Unit


class OpenTransaction:
    """The transaction that a unit's steps run in."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    @property
    def connection(self) -> Connection:
        """The SQLAlchemy connection of this transaction, for reading."""
        self._store.open()
        return cast("Connection", self._store.connection)

    def insert(self, *rows: Table) -> None:
        """Insert rows on the driver's connection, one statement a row."""
        for row in rows:
            statement = self._store.statements.of(type(row))
            self._store.execute(statement.sql(), statement.params(row))

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
            ranks = {type(row): self._store.statements.of(type(row)).rank for row in rows}
            for kind in sorted(ranks, key=ranks.__getitem__):
                session.add_all([row for row in rows if type(row) is kind])
                session.flush()
            session.commit()


def commit_units(
    store: SqliteStore, units: Sequence[Unit], prologue: Sequence[Table], patience_s: float
) -> bool:
    """Run and commit units in one transaction. Each unit gets its result or its error.

    Args:
        store: the writing connection, whose lock is held.
        units: what to commit, in order.
        prologue: rows that go in before all of them.
        patience_s: how long a stranger's lock is waited for. A unit whose waiter gives up
            meanwhile is left out.

    Returns:
        Whether a transaction was committed.
    """
    transaction = OpenTransaction(store)
    try:
        store.begin(patience_s)
        mine = [unit for unit in units if unit.take()]
        transaction.insert(*prologue)
        if len(mine) == 1:
            _run(transaction, mine[0])
        else:
            _run_many(store, transaction, mine)
        store.commit()
    except Exception as error:  # noqa: BLE001 - every unit is told, whatever happened
        _undo(store, error)
        for unit in units:
            unit.error = unit.error or faults.unavailable(error, store.target.name)
        return False
    except BaseException:
        store.rollback()
        raise
    return True


def _undo(store: SqliteStore, error: Exception) -> None:
    store.rollback()
    store.recover(error)


def _run(transaction: OpenTransaction, unit: Unit) -> None:
    transaction.insert(*unit.rows)
    for step in unit.steps:
        unit.result = step(transaction)


def _run_many(store: SqliteStore, transaction: OpenTransaction, units: Sequence[Unit]) -> None:
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


def _run_rows(store: SqliteStore, transaction: OpenTransaction, units: Sequence[Unit]) -> None:
    """All rows at once; if one is refused, unit by unit, so that it falls alone."""
    if not units:
        return
    store.execute("SAVEPOINT batch")
    try:
        for sql, params in store.statements.batches(list(_rows(units))):
            store.execute(sql, params)
    except Exception:
        if not store.in_transaction:
            raise
        store.execute("ROLLBACK TO batch")
        for unit in units:
            _run_alone(store, transaction, unit)
    store.execute("RELEASE batch")


def _run_alone(store: SqliteStore, transaction: OpenTransaction, unit: Unit) -> None:
    """One unit under a savepoint of its own; its failure leaves the others' work in place."""
    store.execute("SAVEPOINT unit")
    try:
        _run(transaction, unit)
    except BaseException as error:
        if not store.in_transaction:  # a full disk has undone everything
            raise
        store.execute("ROLLBACK TO unit")
        unit.error = faults.unavailable(error, store.target.name)
    store.execute("RELEASE unit")


def _rows(units: Iterable[Unit]) -> Iterable[Table]:
    for unit in units:
        yield from unit.rows
