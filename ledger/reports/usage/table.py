"""A usage report for a terminal: exact amounts, the bars of its totals, and nothing cut."""

from collections.abc import Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger.harmless import harmless
from ledger.reports.tables import UNLIMITED, screen
from ledger.reports.usage.figures import HIGHEST_RANK, Figure, figures, grades, short
from ledger.reports.usage.report import Report

_NARROWEST = 10
_LONGEST_NAME = 160
_BAR_WIDTH = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"


def show(report: Report, *, file: IO[str] | None = None) -> None:
    """Print a report: a row each, the exact totals, and their grades.

    Args:
        report: the report.
        file: where to; stdout if not given.
    """
    console = screen(file)
    table, width = _fitting(console, report)
    screen(file, at_least=width).print(table)
    for line in grades(report.totals):
        console.print(Text(line))


def _fitting(console: Console, report: Report) -> tuple[Table, int]:
    """The table with as many columns as the width takes, and its width; amounts are never cut."""
    columns = figures(report)
    drawn = bars(console, report)
    while True:
        table = _table(report, columns, drawn)
        names = table.columns[: len(report.question.by)]
        for column in names:
            column.max_width = _NARROWEST
        unlimited = console.options.update_width(UNLIMITED)
        needed = Measurement.get(console, unlimited, table).maximum
        for column in names:
            column.max_width = None
        lowest = min(column.rank for column in columns)
        if needed <= console.width or (lowest == HIGHEST_RANK and not drawn):
            return table, max(needed, console.width)
        if drawn:
            drawn = []
        else:
            columns = [column for column in columns if column.rank > lowest]


def _table(report: Report, columns: Sequence[Figure], drawn: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False)
    for place, key in enumerate(report.question.by):
        footer = Text("" if place else "all")
        table.add_column(key, footer=footer, overflow="fold", min_width=_NARROWEST)
    for column in columns:
        total = Text(column.cell(report.totals))
        table.add_column(column.title, footer=total, justify="right", no_wrap=True)
    if drawn:
        table.add_column("", no_wrap=True, style="cyan", width=_BAR_WIDTH)
    for number, row in enumerate(report):
        names = (
            short(harmless(name), _LONGEST_NAME) for name in row.labels(report.question.ranked)
        )
        cells = [*names, *(column.cell(row) for column in columns), *drawn[number : number + 1]]
        table.add_row(*map(Text, cells))
    return table


def bars(console: Console, report: Report) -> list[str]:
    """A bar for each row's total, where somebody looks at it and there is something to compare."""
    longest = max((row.total_pico for row in report), default=0)
    if not console.is_terminal or len(report) < 2 or longest <= 0:  # noqa: PLR2004 - to compare
        return []
    ascii_only = console.options.ascii_only
    return [_bar(row.total_pico, longest, ascii_only=ascii_only) for row in report]


def _bar(part: int, longest: int, *, ascii_only: bool) -> str:
    """A bar of eighths of a character; of whole ones where the terminal has no others."""
    eighths = max(part, 0) * _BAR_WIDTH * 8 // longest
    if ascii_only:
        return "#" * (eighths // 8)
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
