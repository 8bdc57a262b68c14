"""What the books have of a file already: the file itself, its calls, and whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select
from sqlmodel import col

from ledger import clock
from ledger.books.models import (
    Caller,
    ImportedCall,
    ImportedFile,
    Outcome,
    Request,
    ResponseStart,
)
from ledger.callers.names import NO_FOLDER
from ledger.exchange.imports.balances import CallSums, Figures
from ledger.exchange.imports.dating import Dated
from ledger.exchange.imports.sources import Source

_MANY = 500


@dataclass(slots=True)
class Target:
    """Where a file's rows go, and what is known of it so far.

    Attributes:
        source: what is imported.
        file: the file's row, whose series is found anew until the row is booked.
        base_url: where calls of the file may be asked about.
        keys: of some of its calls, by which it is known again.
        is_entered: whether the file's row is in the books.
        others: the calls that are in the books by other ways than this file's series.
    """

    source: Source
    file: ImportedFile
    base_url: str
    keys: Sequence[str]
    is_entered: bool = False
    others: CallSums = field(default_factory=CallSums)


@dataclass(frozen=True, slots=True)
class Sorted:
    """A group of calls: those that are new, and those that the books have by other ways."""

    new: tuple[Dated, ...]
    others: tuple[Dated, ...]


def sort(into: Target, group: Sequence[Dated], connection: Connection) -> Sorted:
    """Tell what is new of a group."""
    series = series_of(into, connection)
    ours = _imported(connection, [each.key for each in group])
    known = _recorded(connection, group)
    new: dict[str, Dated] = {}
    others = []
    for each in group:
        if each.key in ours or each.key in known:
            if ours.get(each.key) != series:
                others.append(each)
        else:
            new.setdefault(each.key, each)
    return Sorted(tuple(new.values()), tuple(others))


def series_of(into: Target, connection: Connection) -> str:
    """Which series a file is of; by now another process may have booked some of it."""
    if not into.is_entered:
        found = find_series(connection, into.source, into.keys)
        into.file.series = found or into.file.id
    return into.file.series


def find_series(connection: Connection, source: Source, keys: Sequence[str]) -> str | None:
    """Which file this is an other state of: by its bytes, its calls, or its place."""
    file, call = ImportedFile, ImportedCall
    query = select(col(file.series)).order_by(col(file.id)).limit(1)
    if source.digest is not None:
        found = connection.execute(query.where(col(file.digest) == source.digest)).first()
        if found is not None:
            return str(found[0])
    by_call = query.join_from(file, call, col(call.file_id) == col(file.id))
    for start in range(0, len(keys), _MANY):
        some = by_call.where(col(call.key).in_(keys[start : start + _MANY]))
        found = connection.execute(some).first()
        if found is not None:
            return str(found[0])
    found = connection.execute(query.where(col(file.path) == source.path)).first()
    return None if found is None else str(found[0])


def sums_of(connection: Connection, series: str) -> CallSums:
    """What the calls of a series come to, as its files say."""
    sums = CallSums()
    call, outcome = ImportedCall, Outcome
    tokens = func.coalesce(
        col(outcome.prompt_tokens) + func.coalesce(col(outcome.completion_tokens), 0),
        col(outcome.completion_tokens),
        col(outcome.total_tokens),
        0,
    )
    query = (
        select(
            col(call.stated_day),
            col(Request.chain),
            func.sum(func.coalesce(col(call.cost_pico), 0)),
            func.sum(func.coalesce(col(call.upstream_pico), 0)),
            func.count(),
            func.sum(tokens),
        )
        .join_from(call, Request, col(Request.id) == col(call.id))
        .join(ImportedFile, col(ImportedFile.id) == col(call.file_id))
        .outerjoin(outcome, col(outcome.id) == col(call.id))
        .where(col(ImportedFile.series) == series)
        .group_by(col(call.stated_day), col(Request.chain))
    )
    for day, chain, *figures in connection.execute(query):
        sums.add(day, chain, Figures(*(int(each or 0) for each in figures)))
    return sums


def callers(connection: Connection) -> dict[str, str]:
    """The row of each caller by its name: the first with a folder, else the one without."""
    query = select(col(Caller.name), col(Caller.id), col(Caller.folder))
    rows = connection.execute(query.order_by(col(Caller.id).desc())).all()
    homeless = {name: caller_id for name, caller_id, folder in rows if folder == NO_FOLDER}
    return homeless | {name: caller_id for name, caller_id, folder in rows if folder != NO_FOLDER}


def _imported(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """The series of each key that was imported before."""
    query = select(col(ImportedCall.key), col(ImportedFile.series)).join_from(
        ImportedCall, ImportedFile, col(ImportedFile.id) == col(ImportedCall.file_id)
    )
    rows = connection.execute(query.where(col(ImportedCall.key).in_(keys)))
    return {key: series for key, series in rows}  # noqa: C416 - rows are no pairs to mypy


def _recorded(connection: Connection, group: Sequence[Dated]) -> set[str]:
    """The keys of calls that the books have by other ways, most of all from recording them."""
    by_id = {each.call.generation_id: each.key for each in group if each.call.generation_id}
    found = set()
    for table in (Outcome, ResponseStart):
        column = col(table.generation_id)
        rows = connection.execute(select(column).where(column.in_(list(by_id))))
        found |= {by_id[str(generation_id)] for (generation_id,) in rows}
    found |= {each.key for each in group if _has_twin(connection, each)}
    by_request = {each.call.request_id: each.key for each in group if each.call.request_id}
    rows = connection.execute(select(col(Request.id)).where(col(Request.id).in_(list(by_request))))
    return found | {by_request[str(request_id)] for (request_id,) in rows}


def _has_twin(connection: Connection, each: Dated) -> bool:
    """Whether a call without an id was recorded here: its time then is exact to the microsecond."""
    if each.call.generation_id is not None or each.call.stated_at != clock.to_text(each.at):
        return False
    # Ids tell no time: they go on from the latest where a clock was set back.
    query = select(col(Request.id)).where(col(Request.started_at) == each.at)
    return connection.execute(query.limit(1)).first() is not None
