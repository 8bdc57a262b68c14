"""Questions to the books, answered by their views. Nothing here writes."""

from collections.abc import Iterator
from typing import Any, TypeVar

from sqlalchemy import Row, text

from ledger import texts
from ledger.books.books import Books
from ledger.errors import NotFoundInLedger
from ledger.reports.rows import RequestStatus, ViewRow

_Kind = TypeVar("_Kind", bound=ViewRow)

SHORTEST_PREFIX = 8
_PAGE = 1_000
_AMBIGUOUS = 2
# By the indexes of both tables; the view's own column would be looked for row by row.
_OF_GENERATION = (
    "generation_id = :wanted AND id IN (SELECT id FROM outcome WHERE generation_id = :wanted"
    " UNION ALL SELECT id FROM response_start WHERE generation_id = :wanted)"
)
_REQUESTS = "SELECT {columns} FROM request_status"


def requests(books: Books) -> Iterator[RequestStatus]:
    """Every request, oldest first, read as it is asked for: a long ledger fits in no memory.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    query = text(f"{_select()} ORDER BY started_at, id")
    with books.read() as connection:
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_PAGE)
        with streamed.execute(query) as rows:  # closed too where a reader stops early
            for row in rows:
                yield _row(RequestStatus, row)


def request(books: Books, request_id: str) -> RequestStatus:
    """One request, by its id, a beginning of it that no other has, or its generation id.

    Raises:
        NotFoundInLedger: there is none, or several begin so.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    wanted = texts.clean(request_id.strip())
    with books.read() as connection:
        for condition, value in _ways(wanted):
            query = text(f"{_select()} WHERE {condition} ORDER BY id LIMIT {_AMBIGUOUS}")
            found = connection.execute(query, value).all()
            if len(found) == 1:
                return _row(RequestStatus, found[0])
            if found:
                raise NotFoundInLedger(
                    f"More than one request is meant by {wanted!r}: {found[0].id}"
                    f" and {found[1].id} are.",
                    hint="Give more of the id.",
                )
    raise NotFoundInLedger(
        f"There is no request {wanted!r} in the ledger.",
        hint=f"Give a request's id, its first {SHORTEST_PREFIX} characters or more, or a"
        " generation id.",
    )


def _ways(wanted: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The conditions to try, the most exact first."""
    yield "id = :wanted", {"wanted": wanted}
    yield _OF_GENERATION, {"wanted": wanted}
    if len(wanted) >= SHORTEST_PREFIX:
        # A range, not LIKE: it uses the key's index, and no character of an id is a pattern.
        yield "id >= :wanted AND id < :after", {"wanted": wanted, "after": wanted + "~"}


def _select() -> str:
    return _REQUESTS.format(columns=", ".join(RequestStatus.columns()))


def _row(kind: type[_Kind], row: Row[Any]) -> _Kind:
    """A typed row, checked: what a view yields must be what its class says."""
    return kind.model_validate(row._asdict())
