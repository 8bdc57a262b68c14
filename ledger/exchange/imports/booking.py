"""The step that books the calls of a file, as often as one likes: those that are new."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ledger import clock
from ledger.books.ids import new_id
from ledger.books.models import Caller, ImportedCall, ImportedFile, Outcome, Request
from ledger.books.unit import Transaction
from ledger.callers.names import NO_FOLDER
from ledger.exchange.imports import known
from ledger.exchange.imports.dating import Dated
from ledger.exchange.imports.known import Sorted, Target
from ledger.exchange.imports.sources import Source
from ledger.limits.counting import counted

SOURCE = "import:"
_ENDPOINT = "import"


def file_row(source: Source, process_id: str, zone: str) -> ImportedFile:
    """The row that stands for a file, to be booked with the first thing of it that is."""
    return ImportedFile(
        process_id=process_id,
        at=clock.now(),
        kind=source.kind,
        path=source.path,
        digest=source.digest,
        size=source.size,
        zone=zone,
        series="",
    )


def book_calls(into: Target, group: Sequence[Dated], transaction: Transaction) -> Sorted:
    """A step: book those calls of a group that are not in the books."""
    found = known.sort(into, group, transaction.connection)
    if found.new:
        enter(into, transaction)
        _insert(into, found.new, transaction)
    return found


def enter(into: Target, transaction: Transaction) -> None:
    """Book the file's row, unless it is."""
    if not into.is_entered:
        known.series_of(into, transaction.connection)
        transaction.add(into.file)


def _insert(into: Target, new: Sequence[Dated], transaction: Transaction) -> None:
    ids = enter_callers(into, (each.name for each in new), transaction)
    requests: list[Request] = []
    outcomes: list[Outcome] = []
    calls: list[ImportedCall] = []
    for each in new:
        request = _request(into, each, ids.get(each.name or ""))
        requests.append(request)
        outcomes.extend(_outcome(each, request))
        calls.append(_call(each, request, into.file.id))

    def book() -> None:
        transaction.insert(*requests, *outcomes)
        transaction.add(*calls)

    counted(transaction, [each.id for each in requests], book)


def enter_callers(
    into: Target, names: Iterable[str | None], transaction: Transaction
) -> dict[str, str]:
    """The row of each caller by its name, made where there is none."""
    ids = known.callers(transaction.connection)
    for name in dict.fromkeys(names):
        if name is not None and name not in ids:
            row = Caller(
                process_id=into.file.process_id,
                first_seen_at=clock.now(),
                name=name,
                folder=NO_FOLDER,
            )
            transaction.add(row)
            ids[name] = row.id
    return ids


def _request(into: Target, each: Dated, caller: str | None) -> Request:
    return Request.booked(
        id=new_id(),
        process_id=into.file.process_id,
        caller_id=caller,
        chain=each.chain,
        source=SOURCE + into.source.kind,
        endpoint=_ENDPOINT,
        base_url=into.base_url,
        model_asked=each.call.model,
        started_at=each.at,
        day=clock.day_of(each.at),
    )


def _outcome(each: Dated, request: Request) -> Iterator[Outcome]:
    call = each.call
    if call.status == "open":
        return
    took = dt.timedelta(milliseconds=call.latency_ms or 0)
    is_asked_for = call.cost is None and call.generation_id is not None
    yield Outcome.booked(
        id=request.id,
        ended_at=_later(each.at, took),
        status=call.status,
        latency_ms=call.latency_ms,
        generation_id=call.generation_id,
        model=call.model if call.status == "finished" else None,
        provider=call.provider,
        prompt_tokens=call.prompt_tokens,
        completion_tokens=call.completion_tokens,
        total_tokens=call.undivided_tokens,
        cost_grade="pending" if is_asked_for else "unknown",
    )


def _later(at: dt.datetime, took: dt.timedelta) -> dt.datetime:
    try:
        return at + took
    except OverflowError:
        return at


def _call(each: Dated, request: Request, file_id: str) -> ImportedCall:
    call = each.call
    values: dict[str, Any] = {
        "cost_pico": call.cost.pico if call.cost else None,
        "cost_text": call.cost.text if call.cost else None,
        "upstream_pico": call.upstream.pico if call.upstream else None,
    }
    return ImportedCall(
        id=request.id,
        file_id=file_id,
        key=each.key,
        place=call.place,
        stated_at=call.stated_at,
        stated_day=each.day,
        **values,
    )
