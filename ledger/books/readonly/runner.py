"""Running a statement in a process of its own, which is ended when its time is over."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ledger.books import derived
from ledger.books.base import metadata
from ledger.books.books import Books
from ledger.books.readonly.jobs import FAILED, STOPPED, Fault, Job, Limits, cell_from_json

# Message content has commands of its own; it leaves by no other way.
_HIDDEN = frozenset({"content"})
_START = "from ledger.books.readonly.child import main; main()"
# What the database needs to end by itself, before the process is ended.
_GRACE_S = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement yields. Numbers are int or Decimal, never float.

    Attributes:
        columns: their names, as the engine gives them.
        rows: the values, in that order.
        is_cut: there were more rows than are told.
        warnings: what a reader should know of the figures.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(repr=False)
    is_cut: bool = False
    warnings: tuple[str, ...] = ()


def run(
    books: Books,
    statement: str,
    values: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Answer:
    """The answer to one SELECT.

    Args:
        books: what is read.
        statement: the SQL, of whoever's.
        values: of its parameters, where the statement is one of ours.
        limits: how much it may take.

    Raises:
        Fault: it may not be run, could not be, or ran into a limit.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:  # there are some, of the newest schema
        engine = connection.dialect.name
    job = Job(
        engine,
        _where(books),
        statement,
        None if values is None else dict(values),
        readable(engine),
        limits or Limits(),
    )
    return _asked(job)


@cache
def readable(engine: str) -> tuple[str, ...]:
    """The tables and views that a statement may read."""
    return tuple(sorted({*metadata.tables, *derived.view_names(engine)} - _HIDDEN))


def _where(books: Books) -> Any:
    """The file, or what psycopg connects with; a password goes to the child by a pipe only."""
    if books.target.path is not None:
        return str(books.target.path)
    url = books.target.url
    _, named = url.get_dialect()().create_connect_args(url)
    return {"connect_timeout": 10, **named}


def _asked(job: Job) -> Answer:
    child = subprocess.Popen(  # noqa: S603 - this Python, and a program of ours
        [sys.executable, "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    watch = threading.Timer(job.limits.seconds + _GRACE_S, child.kill)
    watch.daemon = True
    watch.start()
    try:
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(job.to_line())
            child.stdin.close()
            return _read(job, child.stdout)
    except BrokenPipeError:
        raise Fault(FAILED, "the reading process did not start") from None
    finally:
        watch.cancel()
        child.kill()


def _read(job: Job, told: Any) -> Answer:
    """The answer of the lines that the child tells."""
    columns: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = []
    for line in told:
        said = json.loads(line)
        if "fault" in said:
            raise Fault(*said["fault"])
        if "columns" in said:
            columns = tuple(said["columns"])
        if "rows" in said:
            rows += (tuple(map(cell_from_json, row)) for row in said["rows"])
        if "end" in said:
            return Answer(columns, rows, is_cut=said["end"]["is_cut"])
    raise Fault(
        STOPPED,
        f"it ran for more than {job.limits.seconds:g} s, or needed more memory than it may have",
    )
