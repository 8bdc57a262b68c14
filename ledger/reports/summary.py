"""The line at the end of a process: what the calls of this run came to."""

import atexit
import os
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from ledger import money
from ledger.books.books import Books
from ledger.errors import LedgerError
from ledger.harmless import harmless

_LISTED = 5
# A run's requests are younger than its process, so that only the end of the table is read.
_BY_CALLER = text("""
    SELECT
        s.caller,
        count(*) AS requests,
        count(CASE WHEN s.status <> 'finished' THEN 1 END) AS not_finished,
        sum(s.total_pico) AS total_pico,
        count(CASE WHEN s.cost_grade = 'pending' THEN 1 END) AS pending,
        count(CASE WHEN s.cost_grade = 'unknown' THEN 1 END) AS unknown
    FROM request_status AS s
    JOIN request AS r ON r.id = s.id
    WHERE s.id > :process_id AND r.process_id = :process_id
    GROUP BY s.caller
    ORDER BY s.caller
""")


_watched: list[Books] = []


def at_exit(books: Books) -> None:
    """Print the line to stderr when the process ends: one for all its books together."""
    if not _watched:
        atexit.register(_print, os.getpid())
    _watched.append(books)


def _print(pid: int) -> None:
    """The line; in a forked child only where it made calls itself."""
    try:
        found = [row for books in _watched for row in of_run(books)]
        said = line(found)
    except LedgerError as error:
        found, said = [], f"what this run came to can't be read: {error}"
    if (found or os.getpid() == pid) and sys.stderr is not None:
        sys.stderr.write(f"ledger: {harmless(said)}\n")


def of_run(books: Books) -> Sequence[Any]:
    """Calls, cost and what is pending of this process, a row a caller.

    Raises:
        LedgerUnavailable: the books can't be read.
    """
    if not books.has_process:
        return ()
    with books.read() as connection:
        rows = connection.execute(_BY_CALLER, {"process_id": books.process.id}).all()
    books.close_readers()
    return rows


def line(rows: Sequence[Any]) -> str:
    """The rows of a run in words."""

    def total(name: str) -> int:
        return sum(int(getattr(row, name) or 0) for row in rows)

    if not rows:
        return "no calls"
    callers = sorted({row.caller or "(none)" for row in rows})
    more = f" and {len(callers) - _LISTED} more" if len(callers) > _LISTED else ""
    calls = f"{total('requests')} call{'' if total('requests') == 1 else 's'}"
    failed = f", {total('not_finished')} not finished" if total("not_finished") else ""
    return (
        f"{calls} by {', '.join(callers[:_LISTED])}{more}{failed};"
        f" {money.usd_text(total('total_pico'))} USD;"
        f" cost pending: {total('pending')}, unknown: {total('unknown')}"
    )
