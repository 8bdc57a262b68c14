"""From the sums of the books to a report: days into weeks and months, the order, and the rest."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ledger import money
from ledger.books.books import Books
from ledger.reports.usage.question import TIMES, Question
from ledger.reports.usage.report import GRADES, Report, ReportRow
from ledger.reports.usage.sums import Adder, Found, Sums

_NOTHING: Sums = {
    name: 0
    for name, field in ReportRow.model_fields.items()
    if field.annotation is int and name != "others"
}


_GRADED = [f"{name}_requests" for name in GRADES]


class _Line(NamedTuple):
    """A row in the making; `others` is how many names it stands for, 0 where it is one."""

    keys: tuple[str | None, ...]
    sums: Sums
    others: int = 0


def report(books: Books, asked: Question) -> Report:
    """The answer to a question.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        adder = Adder(connection, asked)
        found = adder.sums(asked.by)
        totals = adder.sums(()) if asked.overlaps else found
    lines = _folded(asked.by, found)
    sizes = [_sizes(lines, place) for place in range(len(asked.by))]
    if asked.top is not None:
        lines = _with_the_rest(lines, asked.ranked, sizes[asked.ranked], asked.top)
    lines.sort(key=lambda line: _place(asked, line, sizes))
    whole = _row((), _Line((), _added(each.sums for each in totals)))
    return Report(asked, [_row(asked.by, line) for line in lines], whole)


def nothing() -> ReportRow:
    """The totals of no request."""
    return _row((), _Line((), {}))


# --- days into weeks and months ---------------------------------------------------------------


def _week(day: str) -> str:
    year, week, _ = dt.date.fromisoformat(day).isocalendar()
    return f"{year:04d}-W{week:02d}"


_WIDER: dict[str, Callable[[str], str]] = {"week": _week, "month": lambda day: day[:7]}


def _folded(by: Sequence[str], found: Iterable[Found]) -> list[_Line]:
    """A line for each combination of keys."""
    wider = [_WIDER.get(name) for name in by]
    same: dict[tuple[str | None, ...], list[Sums]] = {}
    for each in found:
        keys = tuple(
            value if value is None or widen is None else widen(value)
            for value, widen in zip(each.keys, wider, strict=True)
        )
        same.setdefault(keys, []).append(each.sums)
    return [_Line(keys, _added(sums)) for keys, sums in same.items()]


def _added(all_sums: Iterable[Sums]) -> Sums:
    """The sum, in integers of any size."""
    whole: Sums = {}
    for sums in all_sums:
        for name, value in sums.items():
            whole[name] = whole.get(name, 0) + value
    return whole


# --- order, and the rest ----------------------------------------------------------------------


def _sizes(lines: Iterable[_Line], place: int) -> dict[str | None, int]:
    """What each value at a place of the keys came to in all."""
    sizes: dict[str | None, int] = {}
    for line in lines:
        name = line.keys[place]
        sizes[name] = sizes.get(name, 0) + line.sums["total_pico"]
    return sizes


def _with_the_rest(
    lines: Iterable[_Line], place: int, sizes: dict[str | None, int], top: int
) -> list[_Line]:
    """The lines of the largest names, and of all others together, so that the sum still holds."""
    kept = set(sorted(sizes, key=lambda name: (-sizes[name], name is None, name or ""))[:top])
    rest: dict[tuple[str | None, ...], list[_Line]] = {}
    for line in lines:
        if line.keys[place] not in kept:
            beside = (*line.keys[:place], None, *line.keys[place + 1 :])
            rest.setdefault(beside, []).append(line)
    return [
        *(line for line in lines if line.keys[place] in kept),
        *(
            _Line(keys, _added(line.sums for line in some), len(some))
            for keys, some in rest.items()
        ),
    ]


def _place(asked: Question, line: _Line, sizes: Sequence[dict[str | None, int]]) -> list[Any]:
    """Where a line stands: times in order, names the largest first, what is left over last."""
    found: list[Any] = []
    for place, (name, value) in enumerate(zip(asked.by, line.keys, strict=True)):
        is_rest = line.others > 0 and place == asked.ranked
        size = 0 if is_rest or name in TIMES else sizes[place].get(value, 0)
        found.append((is_rest, -size, value is None, _in_order(name, value or "")))
    return found


def _in_order(name: str, value: str) -> str:
    """What values of one size are sorted by: an hour by its moment, which its offset is part of."""
    if name != "hour" or not value:
        return value
    return dt.datetime.fromisoformat(value).astimezone(dt.UTC).isoformat()


def _row(by: tuple[str, ...], line: _Line) -> ReportRow:
    values: dict[str, Any] = _NOTHING | line.sums
    values["unpriced_requests"] = values["requests"] - sum(values[name] for name in _GRADED)
    for name in list(values):
        if name.endswith("_pico"):
            values[f"{name.removesuffix('_pico')}_usd"] = money.usd_text(values[name])
    keys = dict(zip(by, line.keys, strict=True))
    return ReportRow.model_validate({**values, **keys, "by": by, "others": line.others})
