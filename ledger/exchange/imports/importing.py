"""Importing a file: read once to the end, then booked group by group, each group whole.

Nothing is booked of a file that turns out to be broken, or of one with a bad row where that is to
stop it. What was booked is found again by its keys: an import that was killed goes on where it
was when it is run again, and one that was finished changes nothing.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Literal

from ledger import money
from ledger.books.books import Books
from ledger.books.models import OpeningBalance
from ledger.exchange.imports import booking, dating, known, opening, sources, totals
from ledger.exchange.imports.balances import CALLER, ZERO, Figures, Stated
from ledger.exchange.imports.dating import Dated
from ledger.exchange.imports.known import Target
from ledger.exchange.imports.records import BadRow, Call, Fault, Mark, Total
from ledger.exchange.imports.sources import Source
from ledger.exchange.imports.zones import Zone

OnError = Literal["skip", "stop"]
Progress = Callable[[int, int], None]

_GROUP = 500
_MOST_LISTED = 1000
_MOST_TOTALS = 200_000
# By so many of its calls a file is known again: the first, and then some of the rest.
_SAMPLES, _EVERY = 500, 10_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        path: the file.
        kind: what it is.
        source: how its calls are marked in the books.
        calls: how many it lists.
        booked: how many of them are new in the books; `known` were there before.
        balances: how many opening balances were booked, or corrected.
        calls_usd: what the new calls cost by the file, in USD.
        balances_usd: what the opening balances add.
        bad_rows: how many rows were skipped; `bad` are the first of them.
        notes: in words, whatever else is to be known.
    """

    path: str
    kind: str
    source: str
    calls: int = 0
    booked: int = 0
    known: int = 0
    balances: int = 0
    calls_usd: Decimal = Decimal(0)
    balances_usd: Decimal = Decimal(0)
    bad_rows: int = 0
    bad: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What the first pass over a file found."""

    calls: int = 0
    bad_rows: int = 0
    bad: list[BadRow] = field(default_factory=list)
    stated: dict[str, Stated] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    first_day: str | None = None


def import_file(  # noqa: PLR0913 - one for each option
    books: Books,
    where: str,
    *,
    base_url: str,
    kind: str | None = None,
    on_error: OnError = "skip",
    zone: str | None = None,
    caller: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Book what a file says, once.

    Args:
        books: where to.
        where: the file, or the URL of another ledger.
        base_url: where its calls can be asked about.
        kind: what it is; None is told by its content.
        on_error: whether a bad row is skipped, or stops the import before anything is booked.
        zone: the IANA zone of times that name none; None is this machine's.
        caller: who made the calls that name nobody.
        progress: called with (done, all) as it goes on.

    Raises:
        ImportFailed: the file can't be read, or has a bad row that is to stop the import.
        RequestInvalid: there is no such kind or zone.
        LedgerUnavailable: the books can't be written.
    """
    source = sources.open_source(where, kind)
    seen = _read(source, Zone(zone), caller, on_error, _half(progress, source, 0))
    books.prepare()
    clocks = Zone(zone)
    row = booking.file_row(source, books.process.id, clocks.name)
    into = Target(source, row, base_url, seen.keys)
    with closing(_dated(source, clocks, caller, _half(progress, source, 1))) as records:
        new = _book_calls(books, into, records)
    rows, problems = _book_balances(books, into, seen)
    return ImportReport(
        path=source.path,
        kind=source.kind,
        source=booking.SOURCE + source.kind,
        calls=seen.calls,
        booked=new.requests,
        known=seen.calls - new.requests,
        balances=len(rows),
        calls_usd=Decimal(money.usd_text(new.pico + new.upstream)),
        balances_usd=Decimal(money.usd_text(_balance_pico(rows))),
        bad_rows=seen.bad_rows,
        bad=tuple(seen.bad),
        notes=(*_about_times(clocks), *problems),
    )


def _read(
    source: Source,
    clocks: Zone,
    caller: str | None,
    on_error: OnError,
    progress: Callable[[int], None] | None,
) -> _Reading:
    """The first pass: everything is looked at, nothing is booked."""
    seen = _Reading()
    with closing(_dated(source, clocks, caller, progress)) as records:
        for found in records:
            _note(seen, found, on_error, source)
    return seen


def _note(
    seen: _Reading, found: Dated | Total | BadRow | Mark, on_error: OnError, source: Source
) -> None:
    """Take one record into account."""
    if isinstance(found, Dated):
        seen.calls += 1
        seen.first_day = min(seen.first_day or found.day, found.day)
        if len(seen.keys) < _SAMPLES or seen.calls % _EVERY == 0:
            seen.keys.append(found.key)
    elif isinstance(found, BadRow):
        if on_error == "stop":
            raise opening.broken(found.file, f"{found.place}: {found.reason}")
        seen.bad_rows += 1
        if len(seen.bad) < _MOST_LISTED:
            seen.bad.append(found)
    elif isinstance(found, Total):
        stated, same = totals.stated_of(found), seen.stated.get(found.bucket)
        if same is not None and found.is_of_account:  # told in several rows, as by workspace
            stated = replace(stated, figures=stated.figures + same.figures)
        seen.stated[found.bucket] = stated
        if len(seen.stated) > _MOST_TOTALS:
            raise opening.broken(source.path, f"it has more than {_MOST_TOTALS} totals")
    else:
        seen.marks.append(found)


def _dated(
    source: Source, clocks: Zone, caller: str | None, progress: Callable[[int], None] | None
) -> Generator[Dated | Total | BadRow | Mark, None, None]:
    """The records, calls with their moments and keys."""
    before, number = "", 0
    for record in source.records(progress):
        if not isinstance(record, Call):
            yield record
            continue
        try:
            at = clocks.utc(record.stated_at)
        except Fault as fault:
            yield BadRow(source.path, record.place, str(fault))
            continue
        key, before, number = dating.keys_of(record, before, number)
        name, chain = dating.named(record.caller or caller)
        yield Dated(record, key, record.stated_at[:10], at, name, chain)


def _groups(found: Iterator[Dated | Total | BadRow | Mark]) -> Iterator[list[Dated]]:
    group: list[Dated] = []
    for each in found:
        if isinstance(each, Dated):
            group.append(each)
            if len(group) == _GROUP:
                yield group
                group = []
    if group:
        yield group


def _book_calls(
    books: Books, into: Target, records: Iterator[Dated | Total | BadRow | Mark]
) -> Figures:
    """Book what is new, and return what it comes to. Where nothing is, nothing is written."""
    new = ZERO
    for group in _groups(records):
        with books.read() as connection:
            found = known.sort(into, group, connection)
        if found.new:
            found = books.writer.write(partial(booking.book_calls, into, group))
            into.is_entered = into.is_entered or bool(found.new)
        for each in found.others:
            into.others.add(each.day, each.chain, dating.figures_of(each.call))
        for each in found.new:
            new += dating.figures_of(each.call)
    return new


def _book_balances(
    books: Books, into: Target, seen: _Reading
) -> tuple[list[OpeningBalance], list[str]]:
    days = [f"{each.day}-01"[:10] for each in seen.stated.values() if each.day is not None]
    days += [seen.first_day] if seen.first_day else []
    first_day = min(days, default=into.source.last_day)
    with books.read() as connection:
        if totals.is_our_own(connection, seen.marks):
            return [], ["its totals are this ledger's own: there is nothing to add to them"]
        lacking, problems = totals.missing(into, seen.stated, first_day, connection)
    rows: list[OpeningBalance] = []
    if lacking:
        rows = books.writer.write(partial(totals.book_balances, into, seen.stated, first_day))
    return rows, problems


def _balance_pico(rows: list[OpeningBalance]) -> int:
    counted = (row for row in rows if row.breakdown != CALLER)
    return sum(row.cost_pico + (row.upstream_pico or 0) for row in counted)


def _about_times(clocks: Zone) -> Iterator[str]:
    if clocks.ambiguous:
        yield (
            f"{clocks.ambiguous} times came twice, when clocks of {clocks.name} went back:"
            " the first of the two is booked"
        )
    if clocks.missing:
        yield (
            f"{clocks.missing} times there never were, when clocks of {clocks.name} went forward:"
            " they are booked as if clocks had gone on"
        )


def _half(progress: Progress | None, source: Source, half: int) -> Callable[[int], None] | None:
    """Progress of one of the two passes."""
    if progress is None:
        return None
    size = source.size or 0

    def tell(done: int) -> None:
        progress(half * size + done, 2 * size)

    return tell
