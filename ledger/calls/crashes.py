"""After a crash: the next process says once who died during which call, and what settles it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger import clock
from ledger.books.books import Books
from ledger.books.models import Process
from ledger.books.process import is_alive
from ledger.books.unit import Step, Transaction
from ledger.logs import logger

_LISTED = 5
# One query, by primary keys alone, of the latest requests: this is on the way of every process's
# first call. Who died, died during one of the last.
_OPEN = """
SELECT
    r.id, r.started_at, r.model_asked, c.name AS caller,
    p.id AS process_id, p.host, p.pid, p.started_at AS process_started_at, p.boot_id, p.program
FROM (SELECT id, started_at, model_asked, caller_id, process_id
      FROM request ORDER BY id DESC LIMIT 100) AS r
JOIN process AS p ON p.id = r.process_id
LEFT JOIN caller AS c ON c.id = r.caller_id
LEFT JOIN outcome AS o ON o.id = r.id
WHERE o.id IS NULL AND NOT EXISTS (SELECT 1 FROM crash_notice AS n WHERE n.request_id = r.id)
ORDER BY r.id
"""
_STATUS = "SELECT cost_grade FROM request_status WHERE id = '{id}'"
_SETTLES = {
    "pending": "its cost is settled from the provider's record, in the background or by"
    " `python -m ledger settle`",
    "unknown": "no answer was seen, so its cost is unknown: https://openrouter.ai/activity may"
    " have it",
}


@dataclass(frozen=True, slots=True)
class Died:
    """A request that its process did not live to see the end of.

    Attributes:
        request_id: the request.
        caller: who asked; None where not known.
        model: what it asked for.
        started_at: when it started, as booked.
        pid: the process that died.
        program: what it ran; None where not known.
        cost_grade: `pending` where the provider can be asked, else `unknown`.
    """

    request_id: str
    caller: str | None
    model: str | None
    started_at: str
    pid: int | None
    program: str | None
    cost_grade: str


def notice(books: Books) -> Step:
    """A step: find requests whose process died, each but once, and book that it was noticed."""

    def step(transaction: Transaction) -> list[Died]:
        rows = transaction.connection.exec_driver_sql(_OPEN).all()
        alive: dict[str, bool] = {}
        for row in rows:
            if row.process_id not in alive:
                alive[row.process_id] = is_alive(_process(row))
        dead = [row for row in rows if not alive[row.process_id]]
        if not dead:
            return []
        _book(transaction, books.process.id, [row.id for row in dead])
        return [_died(transaction, row) for row in dead]

    return step


def tell(died: Iterable[Died]) -> None:
    """One warning for each, up to a few."""
    listed = list(died)
    for each in listed[:_LISTED]:
        logger.warning(
            "process %s (%s) died during request %s of %s: caller %s, model %s: %s",
            each.pid,
            each.program or "no script",
            each.request_id,
            each.started_at,
            each.caller,
            each.model,
            _SETTLES.get(each.cost_grade, f"its cost is {each.cost_grade}"),
        )
    if len(listed) > _LISTED:
        logger.warning(
            "%d more requests lost their process: `python -m ledger settle` lists them",
            len(listed) - _LISTED,
        )


def _process(row: Any) -> Process:
    return Process.booked(
        id=row.process_id,
        host=row.host,
        pid=row.pid,
        started_at=row.process_started_at,
        boot_id=row.boot_id,
    )


def _book(transaction: Transaction, process_id: str, request_ids: list[str]) -> None:
    from ledger.books.models import CrashNotice

    now = clock.now()
    transaction.add(
        *(CrashNotice(process_id=process_id, request_id=each, at=now) for each in request_ids)
    )


def _died(transaction: Transaction, row: Any) -> Died:
    grade = transaction.connection.exec_driver_sql(_STATUS.format(id=row.id)).scalar_one()
    return Died(
        row.id, row.caller, row.model_asked, row.started_at, row.pid, row.program, str(grade)
    )
