"""Database errors as errors that say which file and what to do."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from ledger.books import postgres_faults
from ledger.errors import LedgerBusy, LedgerError, LedgerUnavailable

_ELSEWHERE = "may be written, or set LEDGER_HOME to one that may."
_OF_THE_FILE = {
    "database or disk is full": "The disk is full: free some space, then call again.",
    "disk I/O error": "The disk refused to write (full, over quota or failing): see to it.",
    "unable to open database file": f"Check that the folder exists and {_ELSEWHERE}",
    "readonly database": f"Check that the file and its folder {_ELSEWHERE}",
}
_HINTS = _OF_THE_FILE | {
    "not a database": "Another program's file is there: move it, or set LEDGER_HOME.",
    "malformed": "The file is damaged: restore the latest copy from the folder `backups`.",
    "no such table": "The schema is not there: run `python -m ledger upgrade`.",
}


def _cause(error: BaseException) -> BaseException:
    """What the driver raised, where SQLAlchemy has wrapped it."""
    return error.orig if isinstance(error, DBAPIError) and error.orig else error


def is_busy(error: BaseException) -> bool:
    """Whether somebody else holds SQLite's write lock."""
    return isinstance(_cause(error), sqlite3.OperationalError) and "locked" in str(_cause(error))


def is_of_the_file(error: BaseException) -> bool:
    """Whether the disk or the permissions are at fault, not the statement."""
    cause = _cause(error)
    return isinstance(cause, OSError) or any(sign in str(cause) for sign in _OF_THE_FILE)


def is_of_the_place(error: BaseException) -> bool:
    """Whether the file or the server is at fault, not what was asked of it."""
    if postgres_faults.is_of_a_server(_cause(error)):
        return postgres_faults.is_of_the_server(_cause(error))
    return is_of_the_file(error) or is_busy(error)


def unavailable(error: BaseException, name: str) -> LedgerError:
    """The typed error for a fault of the database or its files.

    Args:
        error: what the driver or the system raised.
        name: the file or server, for the message.
    """
    if isinstance(error, LedgerError):
        return error
    cause = _cause(error)
    if postgres_faults.is_of_a_server(cause):
        server_says = postgres_faults.described(cause, name)
        server_says.__cause__ = shown(error)
        return server_says
    if is_busy(cause):
        return busy(name)
    said = f"{cause.strerror}: {cause.filename}" if isinstance(cause, OSError) else str(cause)
    hint = next((text for sign, text in _HINTS.items() if sign in said), "")
    if isinstance(cause, OSError):
        hint = f"Check that the folder {_ELSEWHERE}"
    found = LedgerUnavailable(f"The ledger at {name} cannot be written or read: {said}.", hint=hint)
    found.__cause__ = error
    return found


def shown(error: BaseException) -> BaseException:
    """What a traceback may show of an error: a server's own message holds values of rows."""
    cause = _cause(error)
    if not postgres_faults.is_of_a_server(cause):
        return error
    return RuntimeError(f"{type(cause).__name__}: {postgres_faults.said(cause)}")


def busy(name: str, waited_s: float | None = None) -> LedgerBusy:
    """The typed error for a wait that took too long, in seconds where known."""
    how_long = "" if waited_s is None else f" for {waited_s:g} s"
    return LedgerBusy(
        f"The ledger at {name} was held by another writer{how_long}.",
        hint="Look for a stopped process or an open write transaction on that file.",
    )
