"""Calls as they start and end, read from the books: also those of other processes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, text

from ledger import clock
from ledger.books.books import Books
from ledger.books.ids import floor_at
from ledger.harmless import harmless
from ledger.reports.rows import RequestStatus
from ledger.reports.usage.figures import short

POLL_S = 0.5
# A process commits a request a while after it made its id, so that later ids may come first.
_LATEST_MS = 60_000
_MS_PER_S = 1000
_AT_ONCE = 500
_LONGEST_NAME = 80
_COLUMNS = ", ".join(RequestStatus.columns())
_SINCE = text(f"SELECT {_COLUMNS} FROM request_status WHERE id >= :floor ORDER BY id")  # noqa: S608 - names of our own class
_LAST = text(f"SELECT {_COLUMNS} FROM request_status ORDER BY id DESC LIMIT :last")  # noqa: S608 - as above
_OF_IDS = text(
    f"SELECT {_COLUMNS} FROM request_status WHERE id IN :ids AND status <> 'open' ORDER BY id"  # noqa: S608 - as above
).bindparams(bindparam("ids", expanding=True))


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A call that has started or ended.

    Attributes:
        event: `start` or `end`.
        request: the call as the books have it now.
    """

    event: str
    request: RequestStatus

    def as_json(self) -> dict[str, Any]:
        """The event, and the request's own columns."""
        return {"event": self.event, **self.request.as_json()}


@dataclass
class _Seen:
    """What was told already: the ids of the last minute, and the calls that are open."""

    recent: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)

    def told(self, row: RequestStatus) -> Iterator[CallEvent]:
        """The events of a request that was not told yet."""
        self.note(row)
        yield CallEvent("start" if row.status == "open" else "end", row)

    def note(self, row: RequestStatus) -> None:
        """A request whose end is yet to be told, if it has none, and nothing else."""
        self.recent.add(row.id)
        if row.status == "open":
            self.waiting.add(row.id)

    def forget(self, floor: str) -> None:
        """Forget what can't come again."""
        self.recent = {each for each in self.recent if each >= floor}


def follow(
    books: Books, *, last: int = 10, goes_on: bool = True, poll_s: float = POLL_S
) -> Iterator[CallEvent]:
    """The last calls, and then each as it starts and ends.

    Args:
        books: whose.
        last: how many calls that were there before are told first.
        goes_on: whether to wait for others, without an end.
        poll_s: seconds between two looks.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    seen = _Seen()
    with books.read() as connection:
        start = _rows(connection, _LAST, last=last)[::-1] if last > 0 else []
        for row in _rows(connection, _SINCE, floor=_floor()):
            seen.note(row)
    for row in start:
        yield from seen.told(row)
    while goes_on:
        clock.sleep(poll_s)
        with books.read() as connection:
            events = list(_look(connection, seen))
        yield from events


def _look(connection: Connection, seen: _Seen) -> Iterator[CallEvent]:
    """What has started and ended since the last look."""
    waiting = sorted(seen.waiting)
    for first in range(0, len(waiting), _AT_ONCE):
        for row in _rows(connection, _OF_IDS, ids=waiting[first : first + _AT_ONCE]):
            seen.waiting.discard(row.id)
            yield CallEvent("end", row)
    floor = _floor()
    for row in _rows(connection, _SINCE, floor=floor):
        if row.id not in seen.recent:
            yield from seen.told(row)
    seen.forget(floor)


def _floor() -> str:
    return floor_at(int(clock.now().timestamp() * _MS_PER_S) - _LATEST_MS)


def _rows(connection: Connection, query: Any, **values: Any) -> Sequence[RequestStatus]:
    found = connection.execute(query, values)
    return [RequestStatus.model_validate(row._asdict()) for row in found]


def line(event: CallEvent) -> str:
    """An event as a line that no name in it can turn into more."""
    row = event.request
    who = short(harmless(row.chain or row.caller or "(none)"), _LONGEST_NAME)
    what = short(harmless(row.model or row.model_asked or "(none)"), _LONGEST_NAME)
    words = [f"{row.started_at:%H:%M:%S}", f"{event.event:5}", who, what]
    if event.event == "end":
        cost = f"{row.total_usd} USD" if row.total_usd is not None else "cost"
        words += [row.status, f"{cost} {row.cost_grade}"]
        if row.prompt_tokens is not None or row.completion_tokens is not None:
            words.append(f"{row.prompt_tokens or 0}+{row.completion_tokens or 0} tokens")
        if row.latency_ms is not None:
            words.append(f"{row.latency_ms} ms")
        if row.error:
            words.append(short(harmless(row.error), _LONGEST_NAME))
    return "  ".join(words)
