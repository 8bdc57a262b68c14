"""A statement on a PostgreSQL server, by whatever role LEDGER_URL names, a superuser's included.

A transaction that can't write is not enough there: functions read files, end other sessions and
change settings, as far as the role may. So before it is run, the server itself takes the statement
apart, as the query of a temporary view in a transaction that is undone, and what it reads and
calls is compared with lists of what is harmless. It then runs as a cursor, which takes nothing but
a SELECT, in a read-only transaction with a time limit. A role that may only SELECT is stronger
still; where it may make no temporary view, its own privileges are what holds.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import errors, pq

from ledger import clock
from ledger.books.readonly.allowed import POSTGRESQL_FUNCTIONS
from ledger.books.readonly.jobs import FAILED, REFUSED, STOPPED, Fault, Job

# In brackets it can only be a SELECT, whatever its columns are called.
_VIEW = "CREATE TEMP VIEW ledger_asked AS SELECT 1 FROM (\n{}\n) AS asked"
_FIRST = re.compile(r"[\s(]*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CALLED = re.compile(r":(?:funcid|aggfnoid|winfnoid|tsmhandler|opfuncid|eqfuncid) (\d+)")
_READ = re.compile(r":relid (\d+)")
_TREE = """
    SELECT rule.ev_action::text FROM pg_rewrite AS rule
    WHERE rule.ev_class = to_regclass('pg_temp.ledger_asked')
"""
_FUNCTIONS = """
    SELECT p.proname, n.nspname = 'pg_catalog' OR p.oid = to_regproc('usd') AS is_known
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.oid = ANY(%s::oid[]) AND NOT EXISTS (
        -- What an operator calls is named otherwise, and all operators of the system are harmless.
        SELECT 1 FROM pg_operator AS o WHERE o.oprcode = p.oid AND o.oid < 16384
    )
"""
_RELATIONS = """
    SELECT c.relname, pg_table_is_visible(c.oid) FROM pg_class AS c WHERE c.oid = ANY(%s::oid[])
"""
# Nothing that a role may do beside reading: then its privileges alone will do.
_HARMLESS = """
    SELECT NOT r.rolsuper AND NOT r.rolcreaterole AND NOT r.rolcreatedb AND NOT r.rolreplication
        AND NOT EXISTS (
            SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
                AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
        )
        AND NOT EXISTS (
            SELECT 1 FROM pg_roles AS special
            WHERE special.rolname LIKE 'pg\\_%' AND pg_has_role(special.oid, 'MEMBER')
                AND special.rolname NOT IN ('pg_read_all_data', 'pg_read_all_settings')
        )
    FROM pg_roles AS r WHERE r.rolname = current_user
"""
_MAY_MAKE_VIEWS = """
    SELECT has_database_privilege(current_database(), 'TEMP') AND NOT pg_is_in_recovery()
"""
_UNSAFE = (
    "the role of LEDGER_URL may make no temporary view to look at it with, and may do more than"
    " read: name a role that may only SELECT"
)
_LONGEST_WAIT_MS = 5_000


@contextlib.contextmanager
def answered(job: Job) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """The columns and the rows, which are read as they are asked for.

    Raises:
        Fault: it may not be run, could not be, or ran into a limit.
    """
    started = clock.monotonic()
    statement = job.statement.strip().rstrip(";").rstrip()
    try:
        with contextlib.closing(_connected(job)) as connection:
            if job.values is None:  # those of ours have been looked at by our tests
                _look_at(connection, statement, job.relations)
            spent = int((clock.monotonic() - started) * 1000)
            with contextlib.closing(_begun(connection, job, spent)) as cursor:
                yield _opened(connection, cursor, statement, job)
    except psycopg.Error as error:
        raise _fault(error, job) from None


def _connected(job: Job) -> "psycopg.Connection[tuple[Any, ...]]":
    options = job.where.pop("options", "")
    return psycopg.connect(
        **job.where,
        autocommit=True,
        options=f"{options} -c statement_timeout={int(job.limits.seconds * 1000)}"
        f" -c lock_timeout={_LONGEST_WAIT_MS} -c default_transaction_read_only=on",
    )


def _look_at(connection: Any, statement: str, relations: tuple[str, ...]) -> None:
    """Let the server take it apart, without running it, and compare what is in it."""
    if _FIRST.match(_COMMENT.sub(" ", statement)) is None:
        raise Fault(REFUSED, "it is no SELECT")
    if not _one(connection, _MAY_MAKE_VIEWS):
        if not _one(connection, _HARMLESS):
            raise Fault(REFUSED, _UNSAFE)
        return
    connection.execute("BEGIN READ WRITE")
    try:
        _only_one(connection, _VIEW.format(statement))
        tree = _one(connection, _TREE)
        called = connection.execute(_FUNCTIONS, [_CALLED.findall(tree)]).fetchall()
        read = connection.execute(_RELATIONS, [_READ.findall(tree)]).fetchall()
    finally:
        connection.execute("ROLLBACK")
    for name, is_known in called:
        if not is_known or name not in POSTGRESQL_FUNCTIONS:
            raise Fault(REFUSED, f"it calls {name}()")
    for name, is_visible in read:
        if name not in relations or not is_visible:
            raise Fault(REFUSED, f"it reads {name}")


def _begun(connection: Any, job: Job, spent_ms: int) -> Any:
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    left = max(int(job.limits.seconds * 1000) - spent_ms, 1)
    connection.execute(f"SET LOCAL statement_timeout = {left}")
    return connection.cursor()


def _opened(
    connection: Any, cursor: Any, statement: str, job: Job
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    declare = f"DECLARE asked NO SCROLL CURSOR FOR\n{statement}"
    if job.values is None:
        _only_one(connection, declare)
    else:
        cursor.execute(declare, job.values)
    told = connection.pgconn.describe_portal(b"asked")
    columns = [(told.fname(place) or b"").decode() for place in range(told.nfields)]
    # One statement, so that the time limit is that of all rows together; a row at a time.
    return columns, cursor.stream(f"FETCH {job.limits.rows + 1} FROM asked")


def _only_one(connection: Any, statement: str) -> None:
    """Run what can only be one statement: the extended protocol takes no more."""
    result = connection.pgconn.exec_params(statement.encode(), None)
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise errors.error_from_result(result)


def _one(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


_REFUSALS = {
    "25006": "it writes",
    "42501": "the role of LEDGER_URL may not do that",
    "0A000": "it does something that no reading needs",
}
_LIMITS = {"57014": "time", "55P03": "waiting for a lock", "53200": "memory", "54000": "size"}


def _fault(error: psycopg.Error, job: Job) -> Fault:
    """What the server says, in the words of either engine; only its first line."""
    code = error.sqlstate or ""
    said = (error.diag.message_primary or str(error)).splitlines()[0]
    if code == "57014":
        return Fault(STOPPED, f"it ran for more than {job.limits.seconds:g} s")
    if code in _LIMITS:
        return Fault(STOPPED, f"it needs more {_LIMITS[code]} than a statement may take: {said}")
    if "multiple commands" in said:
        return Fault(REFUSED, "it is more than one statement")
    if code in _REFUSALS:
        return Fault(REFUSED, f"{_REFUSALS[code]}: {said}")
    return Fault(FAILED, said)
