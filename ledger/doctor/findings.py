"""What a check is given, and what it says."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from ledger.books.books import Books
from ledger.calls.admission import Desk
from ledger.exchange import entries
from ledger.settings import Settings

Level = Literal["ok", "warn", "fail"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")
"""From the best to the worst."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: its name.
        level: `ok`; `warn`, something may go wrong; `fail`, something is wrong.
        says: what was found, in words without secrets.
        cure: what to do about it; empty where nothing needs doing.
    """

    check: str
    level: Level
    says: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found.

    Attributes:
        worst: the worst level of all findings.
        findings: in the order of the checks.
    """

    worst: Level
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Patient:
    """A ledger as its checks see it.

    Attributes:
        settings: where its home is.
        books: its books, opened by a check that reads them.
        desk: knows its configs and its key.
        is_offline: whether nobody may be asked over the network.
        has_books: whether there are books of the newest schema, so that views can be read.
    """

    settings: Settings
    books: Books
    desk: Desk
    is_offline: bool
    has_books: bool

    @property
    def path(self) -> Path | None:
        """The database file; None for a server."""
        return self.books.target.path

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the books, to be read."""
        with self.books.read() as connection, entries.json_views(connection):
            yield connection


Check = Callable[[Patient], Iterator[Finding]]
