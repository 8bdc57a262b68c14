"""Day by day: sums first, and where they differ each call; what is left over is the rest.

Sums that agree in number and amount need no look at the calls behind them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ledger.audit import inferring, matching
from ledger.audit.booked import Booked, Reader, Sum
from ledger.audit.matching import Exact
from ledger.audit.periods import Period
from ledger.audit.results import Group, Line
from ledger.audit.told import Accounts, Cell, Figures

COUNTER_STEP_PICO = 5_000
"""Half of the last decimal of the provider's counters, which have been seen with eight."""


@dataclass(slots=True)
class Compared:
    """Groups and lines of all days that the provider told of.

    Attributes:
        ledger_pico: the ledger's credits of these days, by its own days.
    """

    groups: list[Group] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    ledger_pico: int = 0


def compare(reader: Reader, accounts: Accounts, period: Period, exact: Exact) -> Compared:
    """Compare the books with what the provider told.

    Args:
        reader: of the books.
        accounts: what was told.
        period: the days.
        exact: looks the exact amount of a generation up.
    """
    found = Compared()
    days = accounts.days | accounts.open_days
    sums = reader.sums(period)
    found.ledger_pico = sum(each.cost_pico for each in sums if each.day in days)
    ours = _ours(accounts, sums)
    differing = set(accounts.open_days) | _differing(accounts, ours, sums)
    for cell in sorted(ours.keys() | accounts.sums.keys(), key=_order):
        if cell[1] in accounts.days - differing:
            found.groups.append(_group(cell, ours.get(cell), _told(accounts, cell, ours)))
    rows = [row for day in _around(differing) for row in reader.requests(day)]
    if accounts.generations is not None:
        _by_call(accounts, period, differing, rows, exact, found)
    else:
        _by_sums(accounts, differing, rows, found)
    found.lines += _undecided_elsewhere(reader, sums, set(period) - days)
    found.lines += _byok(found.groups, [*sums], differing, rows, accounts)
    return found


def _order(cell: Cell) -> tuple[str, str, str]:
    key, day, model = cell
    return day, key or "", model or ""


def _ours(accounts: Accounts, sums: Iterable[Sum]) -> dict[Cell, Figures]:
    """The ledger's sums by the provider's names."""
    found: dict[Cell, Figures] = defaultdict(Figures)
    for each in sums:
        if each.day in accounts.days:
            cell = (_key(accounts, each.key_hash), each.day, accounts.model(each.model))
            found[cell].add(each.requests, each.cost_pico, each.upstream_pico)
    return found


def _key(accounts: Accounts, key_hash: str | None) -> str | None:
    """The key, or None where the provider doesn't tell keys apart."""
    return None if accounts.keys == (None,) else key_hash


def _differing(accounts: Accounts, ours: dict[Cell, Figures], sums: list[Sum]) -> set[str]:
    """Days on which any sum differs, or a call's cost isn't known."""
    found = {each.day for each in sums if each.undecided and each.day in accounts.days}
    for cell in ours.keys() | accounts.sums.keys():
        if ours.get(cell, Figures()) != _told(accounts, cell, ours):
            found.add(cell[1])
    return found


def _told(accounts: Accounts, cell: Cell, ours: dict[Cell, Figures]) -> Figures:
    """What the provider tells of a sum; of what it doesn't tell, ours stands."""
    told = accounts.sums.get(cell, Figures())
    if accounts.tells_byok:
        return told
    return replace(told, upstream_pico=ours.get(cell, Figures()).upstream_pico)


def _around(days: set[str]) -> list[str]:
    """The days, and those before and after, in order."""
    wider = {day for each in days for day in inferring.around(each)}
    return sorted(wider)


def _group(cell: Cell, ours: Figures | None, theirs: Figures | None) -> Group:
    mine, told = ours or Figures(), theirs or Figures()
    return Group(
        cell[1], cell[2], cell[0], mine.requests, told.requests, mine.pico, told.pico,
        mine.upstream_pico, told.upstream_pico,
    )  # fmt: skip


def _by_call(  # noqa: PLR0913, PLR0917 - both sides, and what comes of it
    accounts: Accounts,
    period: Period,
    days: set[str],
    rows: list[Booked],
    exact: Exact,
    found: Compared,
) -> None:
    """Days of which the provider tells each generation."""
    matched = matching.match(accounts, days, rows, exact)
    lines = list(matching.lines(matched, period))
    ours: dict[Cell, Figures] = defaultdict(Figures)
    told = {cell: replace(each) for cell, each in accounts.sums.items() if cell[1] in days}
    for pair in matched.pairs:
        row, cell = pair.row, (pair.key_hash, pair.day, pair.model)
        if row is not None and pair.day in days:
            ours[cell].add(1, row.cost_pico or 0, row.upstream_pico or 0)
        if pair.day in accounts.open_days:
            told.setdefault(cell, Figures()).add(1, pair.pico, pair.upstream_pico)
    for row in matched.alone:
        if row.cost_grade != "not_charged" and not row.is_undecided:
            cell = (_key(accounts, row.key_hash), row.day, accounts.model(row.model))
            ours[cell].add(1, row.cost_pico or 0, row.upstream_pico or 0)
    found.lines += lines
    told = told if accounts.tells_byok else {cell: _told(accounts, cell, ours) for cell in told}
    _close(found, days & set(period), ours, told, lines)


def _by_sums(accounts: Accounts, days: set[str], rows: list[Booked], found: Compared) -> None:
    """Days of which the provider tells sums only: what differs is told from numbers."""
    inferred = inferring.infer(accounts, days, rows)
    found.lines += inferred.lines
    told = {cell: _told(accounts, cell, inferred.ours) for cell in accounts.sums}
    told = {cell: each for cell, each in told.items() if cell[1] in days}
    _close(found, days, inferred.ours, told, inferred.lines)


def _close(
    found: Compared,
    days: set[str],
    ours: dict[Cell, Figures],
    told: dict[Cell, Figures],
    lines: Iterable[Line],
) -> None:
    """The groups of these days, with what no line explains of them."""
    explained: dict[Cell, Figures] = defaultdict(Figures)
    for line in lines:
        if line.explains and line.kind != "day_boundary":
            more = line.requests if line.kind == "outside" else 0
            explained[line.key_hash, line.day, line.model].add(
                more, line.difference_pico, line.upstream_difference_pico
            )
    groups = []
    for cell in sorted(ours.keys() | told.keys() | explained.keys(), key=_order):
        if cell[1] in days:
            group = _group(cell, ours.get(cell), told.get(cell))
            groups.append(_with_rest(group, explained.get(cell, Figures())))
    for group, is_rounding in _names(groups):
        found.groups.append(group)
        if is_rounding is not None:
            found.lines.append(is_rounding)


def _with_rest(group: Group, explained: Figures) -> Group:
    more = group.provider_pico - group.ledger_pico - explained.pico
    upstream = group.provider_upstream_pico - group.ledger_upstream_pico - explained.upstream_pico
    return replace(group, rest_pico=more, upstream_rest_pico=upstream)


def _names(groups: list[Group]) -> Iterator[tuple[Group, Line | None]]:
    """Take away rests that are another model's on the same day, or just digits."""
    together: dict[tuple[str, str | None], list[Group]] = defaultdict(list)
    for group in groups:
        together[group.day, group.key_hash].append(group)
    for several in together.values():
        same = all(
            not sum(values) and any(values) for values in ([each.rest_pico for each in several],)
        ) and not sum(each.upstream_rest_pico for each in several)
        for group in several:
            if same:
                yield replace(group, rest_pico=0, upstream_rest_pico=0), None
            else:
                yield _rounded(group)


def _rounded(group: Group) -> tuple[Group, Line | None]:
    """A rest within what the digits of both sides leave open is no rest, but a line."""
    bound = COUNTER_STEP_PICO + group.provider_requests
    rests = (group.rest_pico, group.upstream_rest_pico)
    if not any(rests) or max(map(abs, rests)) > bound or not group.provider_requests:
        return group, None
    line = Line(
        "rounding", group.day, group.model, group.key_hash, group.provider_requests,
        group.rest_pico, group.rest_pico, group.upstream_rest_pico, is_inferred=True,
        note="within the digits that the provider's sums have",
    )  # fmt: skip
    return replace(group, rest_pico=0, upstream_rest_pico=0), line


def _undecided_elsewhere(reader: Reader, sums: list[Sum], days: set[str]) -> Iterator[Line]:
    """Calls of unknown cost on days of which the provider tells nothing."""
    for day in sorted({each.day for each in sums if each.undecided and each.day in days}):
        for row in reader.requests(day):
            if row.is_undecided:
                yield matching.undecided(row, "the provider was not asked about this day")


def _byok(
    groups: list[Group],
    sums: list[Sum],
    differing: set[str],
    rows: list[Booked],
    accounts: Accounts,
) -> Iterator[Line]:
    """The bills that providers send to the user's own keys with them: beside the credits."""
    numbers: dict[Cell, int] = defaultdict(int)
    for each in sums:
        if each.day not in differing:
            cell = (_key(accounts, each.key_hash), each.day, accounts.model(each.model))
            numbers[cell] += each.byok_requests
    for row in rows:
        if row.is_byok and row.cost_pico is not None:
            cell = (_key(accounts, row.key_hash), row.provider_day, accounts.model(row.model))
            numbers[cell] += 1
    for group in groups:
        if group.ledger_upstream_pico:
            cell = (group.key_hash, group.day, group.model)
            yield Line(
                "byok", group.day, group.model, group.key_hash, max(numbers[cell], 1),
                group.ledger_upstream_pico, note="billed by the provider, not in the credits",
            )  # fmt: skip
