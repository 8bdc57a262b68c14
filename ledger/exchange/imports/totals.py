"""The step that books opening balances: what is stated, less what is known, less what is booked."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlmodel import col

from ledger import clock
from ledger.books.models import ImportedFile, OpeningBalance, Process, Request
from ledger.books.unit import Transaction
from ledger.exchange.imports import account, balances, booking, databases, dating, known, plan
from ledger.exchange.imports.balances import CallSums, Figures, Stated, Wanted
from ledger.exchange.imports.known import Target
from ledger.exchange.imports.records import Mark, Total
from ledger.limits import opened
from ledger.limits.opened import Opened

_Key = tuple[str, str]
_MANY = 500
# Totals that say nothing of those that a later state of their file does not tell.
_OF_THEMSELVES = (account.BUCKET, databases.BUCKET)


class Missing(NamedTuple):
    """What a balance lacks, or has too much of, and the day that it is on."""

    wanted: Wanted
    day: str
    left: Figures

    @property
    def caller(self) -> str | None:
        """Whose it is."""
        return self.wanted.stated.caller if self.wanted.stated else None


def stated_of(total: Total) -> Stated:
    """A total of a file, its caller's name mapped as everywhere."""
    name, chain = dating.named(total.caller)
    figures = Figures(
        total.cost.pico,
        total.upstream.pico if total.upstream else 0,
        total.requests or 0,
        total.tokens or 0,
    )
    whose = (name, chain, total.model, total.provider)
    return Stated(figures, total.day, *whose, total.breakdown, total.is_of_account)


def is_our_own(connection: Connection, marks: list[Mark]) -> bool:
    """Whether these totals are of this very ledger, which has the calls that they sum."""
    for mark in marks:
        column = Process.first_seen_at if mark.name == plan.SESSION else Request.started_at
        table = Process if mark.name == plan.SESSION else Request
        try:
            moment = clock.from_text(mark.value)
        except ValueError:
            continue
        query = select(col(table.id)).where(col(column) == moment).limit(1)
        if connection.execute(query).first() is not None:
            return True
    return False


def book_balances(
    into: Target, stated: dict[str, Stated], first_day: str, transaction: Transaction
) -> list[OpeningBalance]:
    """A step: book what is missing of each balance."""
    found, _ = missing(into, stated, first_day, transaction.connection)
    if not found:
        return []
    booking.enter(into, transaction)
    ids = booking.enter_callers(into, (each.caller for each in found), transaction)
    rows = [_row(into, each, ids) for each in found]
    transaction.add(*rows)
    opened.count(
        transaction,
        [
            Opened(row.day, row.breakdown, row.cost_pico + (row.upstream_pico or 0), each.caller,
                   row.model)
            for row, each in zip(rows, found, strict=True)
        ],
    )  # fmt: skip
    return rows


def missing(
    into: Target, stated: dict[str, Stated], first_day: str, connection: Connection
) -> tuple[list[Missing], list[str]]:
    """What balances lack, and in words where calls come to more than their total.

    A later state of a file corrects what an earlier one led to: up where its totals have grown,
    down where calls have become known one by one. A total that shrank is an older state.
    """
    series = known.series_of(into, connection)
    before = _stated_before(connection, series)
    stated = _of_others(connection, series, stated)
    whole = {**before, **stated}
    for bucket in before.keys() & stated.keys():
        if stated[bucket].breakdown is None and not stated[bucket].is_of_account:
            whole[bucket] = _greater(before[bucket], stated[bucket])
    if not whole:
        return [], []
    whole, said = account.beyond_calls(connection, whole)
    calls = _joined(known.sums_of(connection, series), into.others)
    wanted, problems = balances.wanted(whole, calls, first_day)
    return list(_missing(wanted, _booked(connection, series, stated))), [*said, *problems]


def _of_others(connection: Connection, series: str, stated: dict[str, Stated]) -> dict[str, Stated]:
    """The totals without those balances of a ledger that were this one's, or came by another."""
    row, passed_on = OpeningBalance, [each for each in stated if each.startswith(databases.BUCKET)]
    ours: set[str] = set()
    for start in range(0, len(passed_on), _MANY):
        some = passed_on[start : start + _MANY]
        ids = [each.removeprefix(databases.BUCKET) for each in some]
        found = connection.execute(select(col(row.id)).where(col(row.id).in_(ids)))
        ours |= {f"{databases.BUCKET}{row_id}" for (row_id,) in found}
        query = (
            select(col(row.bucket))
            .join_from(row, ImportedFile, col(ImportedFile.id) == col(row.file_id))
            .where(col(row.bucket).in_(some), col(ImportedFile.series) != series)
        )
        ours |= {str(bucket) for (bucket,) in connection.execute(query)}
    return {bucket: each for bucket, each in stated.items() if bucket not in ours}


def _missing(wanted: list[Wanted], booked: dict[_Key, tuple[str, Figures]]) -> Iterator[Missing]:
    for each in wanted:
        day, figures = booked.pop((each.breakdown, each.bucket), (each.day, balances.ZERO))
        left = each.left.minus(figures)
        if left != balances.ZERO:
            yield Missing(each, day, left)
    for (breakdown, bucket), (day, figures) in booked.items():  # told in another way by now
        if figures != balances.ZERO:
            gone = Wanted(breakdown, bucket, day, balances.ZERO)
            yield Missing(gone, day, balances.ZERO.minus(figures))


def _row(into: Target, found: Missing, ids: dict[str, str]) -> OpeningBalance:
    stated = found.wanted.stated or Stated(balances.ZERO)
    return OpeningBalance(
        file_id=into.file.id,
        at=clock.now(),
        source=booking.SOURCE + into.source.kind,
        breakdown=found.wanted.breakdown,
        bucket=found.wanted.bucket,
        day=found.day,
        caller_id=ids.get(found.caller or ""),
        model=stated.model,
        provider=stated.provider,
        requests=found.left.requests,
        tokens=found.left.tokens,
        cost_pico=found.left.pico,
        upstream_pico=found.left.upstream or None,
        stated_pico=stated.figures.pico,
        stated_requests=stated.figures.requests,
        stated_tokens=stated.figures.tokens,
    )


def _booked(
    connection: Connection, series: str, told: Collection[str]
) -> dict[_Key, tuple[str, Figures]]:
    """The day and the figures that each balance of a series has in the books."""
    row = OpeningBalance
    query = (
        select(
            col(row.breakdown),
            col(row.bucket),
            func.min(col(row.day)),
            func.sum(col(row.cost_pico)),
            func.sum(func.coalesce(col(row.upstream_pico), 0)),
            func.sum(func.coalesce(col(row.requests), 0)),
            func.sum(func.coalesce(col(row.tokens), 0)),
        )
        .join_from(row, ImportedFile, col(ImportedFile.id) == col(row.file_id))
        .where(col(ImportedFile.series) == series)
        .group_by(col(row.breakdown), col(row.bucket))
    )
    return {
        (breakdown, bucket): (day, Figures(*(int(each) for each in figures)))
        for breakdown, bucket, day, *figures in connection.execute(query)
        if bucket in told or not bucket.startswith(_OF_THEMSELVES)
    }


def _stated_before(connection: Connection, series: str) -> dict[str, Stated]:
    """Each total of a series as it was last told, but for rests."""
    row = OpeningBalance
    query = (
        select(row)
        .join_from(row, ImportedFile, col(ImportedFile.id) == col(row.file_id))
        .where(col(ImportedFile.series) == series, col(row.bucket) != balances.REST)
        .order_by(col(row.id))
    )
    found: dict[str, Stated] = {}
    for each in connection.execute(query):
        if each.bucket.startswith(_OF_THEMSELVES):
            continue
        day = each.bucket.partition(":")[2] if each.bucket.startswith(("day:", "month:")) else None
        figures = Figures(each.stated_pico, 0, each.stated_requests or 0, each.stated_tokens or 0)
        name, chain = dating.named(each.bucket.removeprefix("caller:") if day is None else None)
        stated = Stated(figures, day, name, chain, each.model, each.provider)
        earlier = found.get(each.bucket)
        found[each.bucket] = stated if earlier is None else _greater(earlier, stated)
    return found


def _greater(one: Stated, other: Stated) -> Stated:
    """The same total as it was told when it was greater, figure by figure."""
    figures = one.figures.or_more(other.figures)
    return Stated(figures, other.day, other.caller, other.chain, other.model, other.provider)


def _joined(one: CallSums, other: CallSums) -> CallSums:
    """Both together."""
    for mine, more in ((one.days, other.days), (one.chains, other.chains)):
        for name, figures in more.items():
            mine[name] = mine.get(name, balances.ZERO) + figures
    return one
