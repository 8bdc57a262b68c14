"""Whole views as files or streams: one function a format."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger import errors
from ledger.books.books import Books
from ledger.exchange import csv_rows, otel, views
from ledger.exchange.otel import Names
from ledger.exchange.replacing import clear_litter, replace_where_different


@dataclass(frozen=True, slots=True)
class TableExport:
    """A file that was made of a view.

    Attributes:
        path: where it is; only its owner can read it.
        view: whose rows are in it.
        rows: how many.
        written: False where the file held exactly these bytes already.
    """

    path: Path
    view: str
    rows: int
    written: bool


def csv_pieces(books: Books, view: str, names: Names = "books") -> Iterator[bytes]:
    """A view as CSV, some rows at a time: a long ledger fits in no memory.

    Raises:
        RequestInvalid: there is no such view.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with views.opened(books, view) as (columns, rows):
        yield from csv_rows.pieces(otel.named(columns, names), rows)


def csv_file(books: Books, view: str, path: Path, names: Names = "books") -> TableExport:
    """A view as a CSV file, replaced in one step.

    Raises:
        RequestInvalid: there is no such view.
        LedgerUnavailable: there are no books yet, or they can't be read.
        SnapshotFailed: the file can't be written; the old one is whole.
    """
    with views.opened(books, view) as (columns, rows):
        return write_file(view, path, otel.named(columns, names), rows)


def parquet_file(books: Books, view: str, path: Path, names: Names = "books") -> TableExport:
    """A view as a Parquet file, replaced in one step.

    Raises:
        RequestInvalid: there is no such view.
        QuestionInvalid: there are no such names.
        LedgerUnavailable: there are no books yet, or they can't be read.
        SnapshotFailed: the file can't be written, or pyarrow is not installed; the old one is
            whole.
    """
    from ledger.exchange import parquet

    with views.opened(books, view) as (columns, rows):
        called = otel.named(columns, names)
        return _write(view, path, rows, lambda counted: parquet.pieces(columns, called, counted))


def write_file(
    view: str, path: Path, columns: Sequence[str], rows: Iterator[Sequence[Any]]
) -> TableExport:
    """Rows as a CSV file, replaced in one step.

    Raises:
        SnapshotFailed: the file can't be written; the old one is whole.
    """
    return _write(view, path, rows, lambda counted: csv_rows.pieces(columns, counted))


def _write(
    view: str,
    path: Path,
    rows: Iterator[Sequence[Any]],
    pieces: Callable[[Iterator[Sequence[Any]]], Iterator[bytes]],
) -> TableExport:
    count = 0

    def counted() -> Iterator[Sequence[Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    try:
        clear_litter(path)
        written = replace_where_different(path, pieces(counted()))
    except OSError as error:
        raise not_written(path, error) from error
    return TableExport(path, view, count, written)


def not_written(path: Path, error: OSError) -> errors.SnapshotFailed:
    """The error of a file that can't be written."""
    return errors.SnapshotFailed(
        f"{path} cannot be written: {error.strerror or error}.",
        hint="The old file, if there is one, is whole. Name a file in a folder of yours.",
    )
