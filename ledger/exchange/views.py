"""The public views, by name and row by row, for whatever format they leave the books in."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text

from ledger.books import derived
from ledger.books.books import Books
from ledger.errors import RequestInvalid

REQUESTS = "request_status"
_PRIVATE = "export_"
_ROWS_AT_ONCE = 1000


def public_views(engine: str) -> list[str]:
    """The names of the views that are the public schema, in the order of the alphabet."""
    return sorted(name for name in derived.view_names(engine) if not name.startswith(_PRIVATE))


@contextlib.contextmanager
def opened(books: Books, view: str) -> Iterator[tuple[list[str], Iterator[Sequence[Any]]]]:
    """A view's columns and its rows, read as they are asked for, in one state of the books.

    Rows are in the order of their ids, which is that of time, else of the first column.

    Raises:
        RequestInvalid: there is no such view; the error lists those there are.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        known = public_views(connection.dialect.name)
        if view not in known:
            raise RequestInvalid(
                f"There is no view {view!r}.", hint=f"Choose one of {', '.join(known)}."
            )
        columns = list(connection.execute(text(f"SELECT * FROM {view} LIMIT 0")).keys())  # noqa: S608 - a view of ours
        order = "id" if "id" in columns else columns[0]
        query = text(f"SELECT * FROM {view} ORDER BY {order} NULLS FIRST")  # noqa: S608 - a view of ours
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE)
        with streamed.execute(query) as rows:
            yield columns, iter(rows)
