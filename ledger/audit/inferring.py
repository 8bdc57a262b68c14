"""What sums alone can tell: how many calls more or fewer, and which of ours may be meant."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ledger.audit.booked import Booked
from ledger.audit.results import Line
from ledger.audit.told import Accounts, Cell, Figures

_DAY = dt.timedelta(days=1)
_NEAR = dt.timedelta(seconds=10)
"""So far from midnight may two clocks put a call on different days."""


@dataclass(slots=True)
class Inferred:
    """Lines, and the ledger's figures by the provider's days."""

    lines: list[Line] = field(default_factory=list)
    ours: dict[Cell, Figures] = field(default_factory=lambda: defaultdict(Figures))


def around(day: str) -> tuple[str, str, str]:
    """A day with the ones before and after."""
    here = dt.date.fromisoformat(day)
    return (here - _DAY).isoformat(), day, (here + _DAY).isoformat()


def infer(accounts: Accounts, days: set[str], rows: list[Booked]) -> Inferred:
    """Explain the differences of some days.

    Args:
        accounts: what the provider told.
        days: those that differ.
        rows: the requests of these days and of the days around them.
    """
    found = Inferred()
    unclear: dict[Cell, list[Booked]] = defaultdict(list)
    certain = [row for row in rows if row.cost_grade != "not_charged" and not row.is_undecided]
    for row in certain:
        found.ours[_cell(accounts, row, row.provider_day)].add(*_figures(row))
    for row in rows:
        if row.is_undecided and row.day in days:
            unclear[_cell(accounts, row, row.provider_day)].append(row)
    for row in certain:
        day = row.provider_day
        moved = _moved(accounts, found.ours, row) if day == row.day else day
        if moved != row.day and {moved, row.day} & days:
            found.lines.append(_boundary(accounts, row, moved, is_inferred=day == row.day))
    cells = set(found.ours) | set(accounts.sums) | set(unclear)
    for cell in sorted(cells, key=str):
        if cell[1] in days:
            found.lines += _explain(cell, found, accounts.sums.get(cell, Figures()), unclear[cell])
    return found


def _cell(accounts: Accounts, row: Booked, day: str) -> Cell:
    key = None if accounts.keys == (None,) else row.key_hash
    return key, day, accounts.model(row.model)


def _figures(row: Booked) -> tuple[int, int, int]:
    return 1, row.cost_pico or 0, row.upstream_pico or 0


def _moved(accounts: Accounts, ours: dict[Cell, Figures], row: Booked) -> str:
    """The other day that a call near midnight is on, where both days come out right so."""
    for day in _neighbours(row):
        here, there = _cell(accounts, row, row.day), _cell(accounts, row, day)
        known = there[1] in accounts.days
        few = ours[here].requests > accounts.sums.get(here, Figures()).requests
        many = accounts.sums.get(there, Figures()).requests > ours[there].requests
        if few and (many or not known) and row.day in accounts.days:
            number, cost, upstream = _figures(row)
            ours[here].add(-number, -cost, -upstream)
            ours[there].add(number, cost, upstream)
            return day
    return row.day


def _neighbours(row: Booked) -> Iterator[str]:
    """The days on which another clock may have put the call."""
    times = (row.started_at - _NEAR, (row.ended_at or row.started_at) + _NEAR)
    for time in times:
        day = time.date().isoformat()
        if day != row.day:
            yield day


def _boundary(accounts: Accounts, row: Booked, day: str, *, is_inferred: bool) -> Line:
    return Line(
        "day_boundary", day, accounts.model(row.model), _cell(accounts, row, day)[0],
        amount_pico=row.cost_pico, ledger_day=row.day, at=row.started_at, request_id=row.id,
        generation_id=row.generation_id, is_inferred=is_inferred,
        note=f"the ledger has it on {row.day}, where it began",
    )  # fmt: skip


def _explain(cell: Cell, found: Inferred, told: Figures, unclear: list[Booked]) -> Iterator[Line]:
    """Lines of one sum, by how many calls the provider has more or fewer."""
    ours = found.ours.get(cell, Figures())
    more, pico = told.requests - ours.requests, told.pico - ours.pico
    upstream = told.upstream_pico - ours.upstream_pico
    others = max(0, more - len(unclear))
    for row in unclear:
        is_all = len(unclear) == 1 and not others and more > 0
        yield _of_unclear(cell, row, (pico, upstream) if is_all else None, more)
    if more > 0 and (others or len(unclear) > 1):
        note = "the provider counts more calls than the ledger"
        if unclear:
            note = f"with {len(unclear)} calls of unknown cost: the sums can't be told apart"
        kind = "outside" if others else "unknown"
        yield _sum(cell, kind, others or more, (pico, upstream), note)
    if more < 0:
        note = "the provider counts fewer calls than the ledger"
        yield _sum(cell, "not_at_provider", -more, (pico, upstream), note)


def _of_unclear(cell: Cell, row: Booked, whole: tuple[int, int] | None, more: int) -> Line:
    key, day, model = cell
    pico, upstream = whole or (0, 0)
    note = "its cost by the provider's sums" if whole else "the sums don't say what it cost"
    if more <= 0:
        note = "the provider's sums have no such call"
    return Line(
        "pending" if row.cost_grade == "pending" else "unknown", day, model, key,
        amount_pico=pico if whole else None, difference_pico=pico,
        upstream_difference_pico=upstream, at=row.started_at, request_id=row.id,
        generation_id=row.generation_id, note=note, is_inferred=True,
    )  # fmt: skip


def _sum(cell: Cell, kind: str, requests: int, amounts: tuple[int, int], note: str) -> Line:
    key, day, model = cell
    pico, upstream = amounts
    return Line(kind, day, model, key, requests, pico, pico, upstream, note=note, is_inferred=True)
