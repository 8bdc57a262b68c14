"""Which requests wait for the provider's record, and which nobody can ask about."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Text, column, select, table
from sqlmodel import col

from ledger.books.columns import UtcTime
from ledger.books.models import Process, Request
from ledger.settings import DEFAULT_DEADLINE_S

_MANY = 500

_UNSETTLED = table(
    "unsettled_requests",
    column("id", Text),
    column("caller", Text),
    column("base_url", Text),
    column("process_id", Text),
    column("ended_at", UtcTime),
    column("generation_id", Text),
    column("attempts", Integer),
    column("last_attempt_at", UtcTime),
)
_STATUS = table(
    "request_status",
    column("id", Text),
    column("caller", Text),
    column("status", Text),
    column("started_at", UtcTime),
    column("generation_id", Text),
    column("cost_grade", Text),
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A generation that is asked for.

    Attributes:
        request_id: the oldest request that names it.
        caller: who asked; None where not known.
        generation_id: the provider's id.
        started_at: when its request started.
        since: when its request ended, or must have ended by its own deadline where no end was
            recorded: tries are counted from here.
        is_open: whether no end was recorded.
        base_url: where the request was made.
        process_id: the process that made it.
        key_hash: the key that it was made with, where known.
        attempts: how many tries there were.
        last_attempt_at: when the last one was.
    """

    request_id: str
    caller: str | None
    generation_id: str
    started_at: dt.datetime
    since: dt.datetime
    is_open: bool
    base_url: str
    process_id: str
    key_hash: str | None
    attempts: int
    last_attempt_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A request whose cost nobody can be asked for: it has no id, or its id was given up.

    Attributes:
        request_id: the request.
        caller: who asked; None where not known.
        generation_id: the id that was given up; None where there never was one.
        since: when the request started.
        status: how it ended; `open` where no end was recorded.
    """

    request_id: str
    caller: str | None
    generation_id: str | None
    since: dt.datetime
    status: str


def pending(
    connection: Connection, *, generation_id: str | None = None, since_id: str | None = None
) -> list[Pending]:
    """What waits, oldest first, each generation once.

    Args:
        connection: sees one state of the books.
        generation_id: only this one.
        since_id: only requests whose id is this or later.
    """
    view = _UNSETTLED.c
    query = select(
        view.id,
        view.caller,
        view.generation_id,
        col(Request.started_at),
        col(Request.timeout_ms),
        view.ended_at,
        view.base_url,
        view.process_id,
        col(Request.key_hash),
        view.attempts,
        view.last_attempt_at,
    ).join_from(_UNSETTLED, Request, col(Request.id) == view.id)
    if generation_id is not None:
        query = query.where(view.generation_id == generation_id)
    if since_id is not None:
        query = query.where(col(Request.id) >= since_id)
    found: dict[str, Pending] = {}
    for row in connection.execute(query.order_by(col(Request.id))):
        each = _pending(*row)
        found.setdefault(each.generation_id, each)
    return list(found.values())


def _pending(  # noqa: PLR0913, PLR0917 - the columns of one row
    request_id: str,
    caller: str | None,
    generation_id: str,
    started_at: dt.datetime,
    timeout_ms: int | None,
    ended_at: dt.datetime | None,
    *more: Any,
) -> Pending:
    """One row, with the end that it has or must have had."""
    since = ended_at
    if since is None:
        longest_ms = DEFAULT_DEADLINE_S * 1000 if timeout_ms is None else timeout_ms
        since = started_at + dt.timedelta(milliseconds=longest_ms)
    is_open = ended_at is None
    return Pending(request_id, caller, generation_id, started_at, since, is_open, *more)


def unknown(connection: Connection) -> list[Unknown]:
    """What nobody can be asked for, oldest first."""
    view = _STATUS.c
    query = (
        select(view.id, view.caller, view.generation_id, view.started_at, view.status)
        .where(view.cost_grade == "unknown")
        .order_by(view.id)
    )
    return [Unknown(*row) for row in connection.execute(query)]


def processes(connection: Connection, ids: set[str]) -> Iterator[Process]:
    """The rows of these processes."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), _MANY):
        some = wanted[start : start + _MANY]
        for row in connection.execute(select(Process).where(col(Process.id).in_(some))):
            values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
            yield Process.model_construct(**values)
