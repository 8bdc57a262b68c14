"""A glance on a terminal."""

from typing import IO

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ledger.harmless import harmless
from ledger.reports.glance.glance import Compared, Glance
from ledger.reports.glance.sections import Section
from ledger.reports.tables import screen
from ledger.reports.usage.figures import grades, short
from ledger.reports.usage.report import Report
from ledger.reports.usage.table import bars

_LONGEST_NAME = 60


def show(found: Glance, *, file: IO[str] | None = None) -> None:
    """Print a glance: figures first, then names, then what else there is to say."""
    console = screen(file)
    console.print(_periods(found))
    for report in (found.callers, found.models):
        if len(report):
            console.print(_names(report, bars(console, report)))
    for line in grades(found.ever):
        console.print(Text(line))
    for each in found.sections:
        console.print(_section(each))


def change(compared: Compared) -> str:
    """What became of a total: `+12.5 % on yesterday so far`."""
    if compared.change_percent is None:
        return f"nothing {compared.before} by then"
    return f"{compared.change_percent:+f} % on {compared.before} by then"


def _periods(found: Glance) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("", "total USD", "change", "requests", "failed", "pending", "unknown"):
        table.add_column(title, justify="left" if title in ("", "change") else "right")
    for each in (found.today, found.month):
        row = each.now
        counts = (
            row.requests,
            row.failed + row.cancelled + row.interrupted,
            row.pending_requests,
            row.unknown_requests,
        )
        table.add_row(each.name, row.total_usd, change(each), *map(str, counts))
    row = found.ever
    failed = row.failed + row.cancelled + row.interrupted
    counts = (row.requests, failed, row.pending_requests, row.unknown_requests)
    table.add_row("ever", row.total_usd, "", *map(str, counts))
    return table


def _names(report: Report, drawn: list[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    (key,) = report.question.by
    table.add_column(f"{key}, this month", overflow="fold")
    table.add_column("requests", justify="right")
    table.add_column("total USD", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="cyan")
    for number, row in enumerate(report):
        name = short(harmless(row.labels(0)[0]), _LONGEST_NAME)
        cells = (name, str(row.requests), row.total_usd, *drawn[number : number + 1])
        table.add_row(*map(Text, cells))
    return table


def _section(section: Section) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=section.title, title_justify="left")
    for name in section.columns:
        table.add_column(name.replace("_usd", " USD").replace("_", " "), overflow="fold")
    for row in section.rows:
        cells = ("-" if value is None else short(harmless(str(value)), 200) for value in row)
        table.add_row(*map(Text, cells))
    return table
