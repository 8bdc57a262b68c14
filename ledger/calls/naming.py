"""Callers by the names that people know them by: looked up and renamed."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func
from sqlmodel import col, select

from ledger import clock
from ledger.books.books import Books
from ledger.books.models import Caller as CallerRow
from ledger.books.models import CallerAlias, Request
from ledger.books.unit import Transaction
from ledger.callers import names
from ledger.callers.detection import Caller
from ledger.errors import CallerInvalid, NotFoundInLedger, RequestInvalid


@dataclass(frozen=True, slots=True)
class Booked:
    """A caller of the books.

    Attributes:
        id: of its row.
        name: as it was booked: what its config's overrides go by.
        shown: the last name that it was given, else its own.
        folder: its folder, or its place in the home.
    """

    id: str
    name: str
    shown: str
    folder: Path

    def caller(self, home: Path) -> Caller:
        """The caller as it was detected, as far as its name and folder go."""
        is_homeless = self.folder in (home / "callers" / self.name, Path(names.NO_FOLDER))
        own = None if is_homeless else self.folder
        return Caller(self.name, own, self.name, None, "as booked")


@dataclass(frozen=True, slots=True)
class Renamed:
    """What a rename did.

    Attributes:
        old, new: the names.
        callers: how many callers have the new name now instead of the old one.
        requests: how many of their requests are shown under it.
    """

    old: str
    new: str
    callers: int
    requests: int


def booked(connection: Connection) -> list[Booked]:
    """Every caller of the books, oldest first."""
    given = select(CallerAlias.caller_id, CallerAlias.name).order_by(col(CallerAlias.id))
    shown = {caller_id: name for caller_id, name in connection.execute(given)}  # noqa: C416 - rows
    rows = connection.execute(
        select(CallerRow.id, CallerRow.name, CallerRow.folder).order_by(col(CallerRow.id))
    )
    return [Booked(id_, name, shown.get(id_, name), Path(folder)) for id_, name, folder in rows]


def find(connection: Connection, name: str) -> Booked:
    """The caller that is shown under a name; else the one that was booked under it. The newest.

    Raises:
        NotFoundInLedger: there is none.
    """
    everyone = booked(connection)
    for found in (
        [each for each in everyone if each.shown == name],
        [each for each in everyone if each.name == name],
    ):
        if found:
            found.sort(key=lambda each: each.folder != Path(names.NO_FOLDER))
            return next((each for each in reversed(found) if each.name == name), found[-1])
    raise unknown(name, everyone)


def unknown(name: str, everyone: list[Booked]) -> NotFoundInLedger:
    """The error for a name that no caller is shown under."""
    shown = {each.shown for each in everyone}
    renamed = next((each.shown for each in everyone if each.name == name), None)
    near = difflib.get_close_matches(name, sorted(shown), n=1)
    said = f"Did you mean {near[0]!r}? " if near else ""
    if renamed is not None:
        said = f"It was renamed and is shown as {renamed!r}. "
    return NotFoundInLedger(
        f"There is no caller {name[:80]!r} in the ledger.",
        hint=f"{said}`python -m ledger callers` lists them.",
    )


def rename(books: Books, old: str, new: str) -> Renamed:
    """Show a caller under another name from now on, with all that it ever did.

    The rows of its calls stay as they are: one row for each caller concerned says the new name.
    What has the new name already is added up with it.

    Raises:
        CallerInvalid: the new name can't be one.
        RequestInvalid: the names are the same.
        NotFoundInLedger: no caller is shown under the old name.
        LedgerUnavailable: there are no books yet, or they can't be written.
    """
    if names.parse_explicit(new) != (new, new):
        raise CallerInvalid(f"{new[:80]!r} is a chain, no caller's name.", hint="Give one name.")
    if old == new:
        raise RequestInvalid(f"{old!r} is named so already.")
    with books.read() as connection:
        everyone = booked(connection)
    if old not in {each.shown for each in everyone}:
        raise unknown(old, everyone)
    done: Renamed = books.writer.write(_renaming(books, old, new))
    return done


def _renaming(books: Books, old: str, new: str) -> Callable[[Transaction], Renamed]:
    """A step: give every caller that is shown under the old name the new one."""

    def step(transaction: Transaction) -> Renamed:
        concerned = [each.id for each in booked(transaction.connection) if each.shown == old]
        for caller_id in concerned:
            transaction.add(
                CallerAlias(
                    process_id=books.process.id, caller_id=caller_id, at=clock.now(), name=new
                )
            )
        count = select(func.count()).where(col(Request.caller_id).in_(concerned))
        return Renamed(
            old, new, len(concerned), int(transaction.connection.execute(count).scalar_one())
        )

    return step
