"""What a PostgreSQL server says, as errors that say what to do; and what may be tried again.

Only the first line of a server's message is shown: the lines after it hold values of rows.
"""

from typing import Any

from ledger.errors import LedgerBusy, LedgerError, LedgerUnavailable

# SQLSTATEs, see "PostgreSQL Error Codes" in its documentation.
_CONFLICTS = frozenset(("40001", "40P01"))
_STANDBY = "25006"
_LOST = frozenset((_STANDBY, "57P01", "57P02", "57P03", "57P05", "53300", "25P03"))
_LOST_CLASS = "08"
_REFUSALS = "23"
_HELD = "55P03"
_HINTS = {
    _STANDBY: (
        "It is a read-only standby: name the server that may be written in LEDGER_URL, or several"
        " hosts with target_session_attrs=read-write."
    ),
    "42501": "Grant the user of LEDGER_URL what it lacks.",
    "42P01": "The schema is not there: run `python -m ledger upgrade`.",
    "53100": "The server's disk is full: free some space, then call again.",
    "53300": "The server has no connection left: raise max_connections, or put a pooler before it.",
}
_CONNECTING = (
    (
        ("password", "authentication failed", "no pg_hba.conf entry"),
        "Check the user and password of LEDGER_URL, and what pg_hba.conf lets in.",
    ),
    (
        ("does not exist",),
        "Check the database and user of LEDGER_URL, or make them: `createdb` and `createuser`.",
    ),
    (
        ("read-only", "not accept connections", "in hot standby"),
        "No server of LEDGER_URL may be written now: start one, or promote a standby.",
    ),
    (("invalid",), "Check the options of LEDGER_URL."),
)
_UNREACHED = "Check that the server runs, and the host and port of LEDGER_URL."


def _code(error: BaseException) -> str | None:
    """The SQLSTATE, where the server gave one."""
    cause: Any = getattr(error, "orig", None) or error
    return getattr(cause, "sqlstate", None)


def is_of_a_server(error: BaseException) -> bool:
    """Whether a driver's error is psycopg's."""
    return hasattr(error, "sqlstate")


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction gave way to another: the same one may go through the next time."""
    return _code(error) in _CONFLICTS


def is_standby(error: BaseException) -> bool:
    """Whether the server may only be read."""
    return _code(error) == _STANDBY


def is_held(error: BaseException) -> bool:
    """Whether another transaction's lock was waited for in vain."""
    return _code(error) == _HELD


def is_refusal(error: BaseException) -> bool:
    """Whether a constraint or trigger refused a row."""
    return (_code(error) or "").startswith(_REFUSALS)


def is_lost(error: BaseException) -> bool:
    """Whether the server went away, can't be reached, or may not be written any more."""
    cause: Any = getattr(error, "orig", None) or error
    code = _code(cause)
    if code is not None:
        return code in _LOST or code.startswith(_LOST_CLASS)
    return type(cause).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")


def is_of_the_server(error: BaseException) -> bool:
    """Whether the server, its locks, its disk or its permissions are at fault."""
    code = _code(error)
    return is_lost(error) or is_conflict(error) or code in (_HELD, "42501", "53100")


def said(error: BaseException) -> str:
    """The first line of what the server or the driver says, without any row's values."""
    diagnosis = getattr(error, "diag", None)
    primary = getattr(diagnosis, "message_primary", None) or str(error)
    lines = [line.strip() for line in str(primary).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).removeprefix("connection failed: ")


def described(error: BaseException, name: str) -> LedgerError:
    """The typed error for what psycopg raised.

    Args:
        error: of psycopg.
        name: the server, for the message.
    """
    code, what = _code(error), said(error)
    if code == _HELD:
        return LedgerBusy(
            f"The ledger at {name} was held by another transaction for too long.",
            hint="Look for a long transaction on that server (pg_stat_activity, pg_locks).",
        )
    if code in _CONFLICTS:
        return LedgerBusy(
            f"The ledger at {name} let other transactions go first for too long: {what}.",
            hint="Try again, or let fewer processes write at once.",
        )
    if code is None and is_lost(error):
        hint = next((h for signs, h in _CONNECTING if any(s in what for s in signs)), _UNREACHED)
        return LedgerUnavailable(f"The ledger at {name} cannot be reached: {what}.", hint=hint)
    return LedgerUnavailable(
        f"The ledger at {name} cannot be written or read: {what}.", hint=_HINTS.get(code or "", "")
    )
