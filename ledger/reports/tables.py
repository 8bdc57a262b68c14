"""Tables for a terminal: exact amounts, right-aligned, and never a name that can act on it."""

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger import money
from ledger.reports import account
from ledger.reports.callers import CallerEntry
from ledger.reports.queries import BUCKETS
from ledger.reports.rows import MemberUsage, RequestStatus, UsageRow
from ledger.reports.status import KeySource, Status
from ledger.reports.terminal import harmless
from ledger.reports.totals import Totals

_NOBODY = "(none)"
_UNKNOWN = "unknown"
_PIPED_WIDTH = 200
_HEIGHT = 25
_NARROWEST = 10
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class _Column:
    """A figure of a usage table; those with the lowest rank go first where it is too narrow."""

    title: str
    rank: int
    cell: Callable[[UsageRow], str]
    total: Callable[[Totals], str]


def _count(title: str, rank: int, *names: str) -> _Column:
    """A column that adds up integer columns of the view."""
    return _Column(
        title,
        rank,
        lambda row: str(sum(getattr(row, name) for name in names)),
        lambda totals: str(sum(totals[name] for name in names)),
    )


def _amount(title: str, rank: int, name: str) -> _Column:
    """A column of exact USD text."""
    return _Column(
        title,
        rank,
        lambda row: str(getattr(row, f"{name}_usd")),
        lambda totals: totals.usd(f"{name}_pico"),
    )


_REQUESTS = _count("requests", 9, "requests")
_NOT_FINISHED = _count("failed", 5, "failed", "cancelled", "interrupted")
_PROMPT = _count("prompt tokens", 3, "prompt_tokens")
_COMPLETION = _count("completion tokens", 3, "completion_tokens")
_SETTLED = _amount("settled USD", 2, "settled")
_COST = _amount("cost USD", 7, "cost")
_UPSTREAM = _amount("upstream USD", 6, "upstream")
_TOTAL = _amount("total USD", 9, "total")
# What a member of chains did itself; over all members that is the whole.
_OWN = [
    _Column(
        "own requests", 4, lambda row: _own(row, "requests"), lambda all_: str(all_["requests"])
    ),
    _Column("own USD", 8, lambda row: _own(row, "total_usd"), lambda all_: all_.usd("total_pico")),
]


def usage(
    by: str,
    rows: Sequence[UsageRow],
    whole: Sequence[UsageRow] | None = None,
    *,
    file: IO[str] | None = None,
) -> None:
    """Print a usage report: a row each, the exact totals, and what is not known yet.

    Args:
        by: what it adds up by.
        rows: the report.
        whole: rows that add up to the totals, where those of the report share requests.
        file: where to; stdout if not given.
    """
    console = screen(file)
    totals = Totals.of(rows if whole is None else whole)
    table, width = _fitting(console, BUCKETS[by].BUCKET, rows, totals)
    screen(file, at_least=width).print(table)
    console.print(Text(_not_known(totals)))


def callers(found: Sequence[CallerEntry], *, file: IO[str] | None = None) -> None:
    """Print the callers, and where each one's config is."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("caller", "model", "requests", "total USD", "last request", "config"):
        figure = title in ("requests", "total USD")
        table.add_column(
            title,
            justify="right" if figure else "left",
            no_wrap=figure,
            overflow="fold",
            min_width=len(title),
        )
    for each in found:
        table.add_row(*(Text(harmless(cell)) for cell in _caller_cells(each)))
    console = screen(file)
    if not console.is_terminal:  # a path that is folded is none for the next program
        unlimited = console.options.update_width(_UNLIMITED)
        needed = Measurement.get(console, unlimited, table).maximum
        console = screen(file, at_least=needed)
    console.print(table)
    for each in found:
        if each.problem:
            console.print(Text(harmless(f"{each.name}: {each.problem}")))


def _caller_cells(entry: CallerEntry) -> tuple[str, ...]:
    model = entry.model or "-"
    last = entry.last_request_at
    return (
        entry.name,
        f"{model} (off)" if entry.enabled is False else model,
        str(entry.requests),
        f"{money.usd_text(entry.total_pico)}{' +' if entry.not_known else ''}",
        f"{last:%Y-%m-%d %H:%M}" if last else "-",
        str(entry.config),
    )


def request(row: RequestStatus, *, file: IO[str] | None = None) -> None:
    """Print one request, a line a fact."""
    facts = [
        (name, _fact(name, value))
        for name, value in row.as_json().items()
        if not name.endswith("_pico")
    ]
    print_facts(facts, file)


def status(found: Status, *, file: IO[str] | None = None) -> None:
    """Print the state of a ledger, and what to do next."""
    facts = [
        ("version", found.version),
        ("home", str(found.home)),
        ("database", found.database),
        ("revision", found.revision or "no ledger yet"),
        ("base URL", found.base_url),
        ("key", _key(found.key) if found.key else "none found"),
        *(("other key, not used", _key(other)) for other in found.other_keys),
        ("callers", str(found.callers)),
        ("requests", str(found.requests)),
        ("open", str(found.open_requests)),
        ("cost pending", str(found.pending_requests)),
        ("cost unknown", str(found.unknown_requests)),
        ("auto export", "on" if found.auto_export else "off"),
        *_limits(found),
    ]
    print_facts(facts, file)
    console = screen(file)
    for advice in found.advice:
        console.print(Text(harmless(advice)))


def _own(row: UsageRow, name: str) -> str:
    return str(getattr(row, f"own_{name}"))


def _limits(found: Status) -> list[tuple[str, str]]:
    """What the provider says of the key, or why it said nothing."""
    if found.key_limits is not None:
        return account.key_facts(found.key_limits)
    return [("key limit", f"not asked: {found.not_asked}")] if found.not_asked else []


def _key(place: KeySource) -> str:
    return f"{place.masked} from {place.source}"


def _not_known(totals: Totals) -> str:
    """What the totals do not have yet, in one line."""
    return (
        f"Cost pending: {totals['pending_requests']}, unknown: {totals['unknown_requests']};"
        f" requests still open: {totals['open_requests']}."
    )


def _fact(name: str, value: object) -> str:
    """A field as text; an amount that is not known says so."""
    if value is None:
        return _UNKNOWN if name.endswith("_usd") else "-"
    return f"{value:f}" if name.endswith("_usd") else str(value)


def print_facts(facts: Iterable[tuple[str, str]], file: IO[str] | None) -> None:
    """Print facts, a line each: its name, and what it is."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(name, style="bold"), Text(harmless(value)))
    screen(file).print(table)


def _fitting(
    console: Console, bucket: str, rows: Sequence[UsageRow], totals: Totals
) -> tuple[Table, int]:
    """The table with as many columns as the width takes, and its width; amounts are never cut."""
    columns = _columns(totals)
    if bucket == MemberUsage.BUCKET:
        columns += _OWN
    while True:
        table = _table(bucket, columns, rows, totals)
        table.columns[0].max_width = _NARROWEST
        unlimited = console.options.update_width(_UNLIMITED)
        needed = Measurement.get(console, unlimited, table).maximum
        table.columns[0].max_width = None
        lowest = min(column.rank for column in columns)
        if needed <= console.width or lowest == _TOTAL.rank:
            return table, max(needed, console.width)
        columns = [column for column in columns if column.rank > lowest]


def _columns(totals: Totals) -> list[_Column]:
    """Upstream spend and the total beside the cost only where somebody used their own key."""
    spent = [_COST, _UPSTREAM, _TOTAL] if totals["upstream_pico"] else [_TOTAL]
    return [_REQUESTS, _NOT_FINISHED, _PROMPT, _COMPLETION, _SETTLED, *spent]


def _table(
    bucket: str, columns: Sequence[_Column], rows: Sequence[UsageRow], totals: Totals
) -> Table:
    table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column(bucket, footer=Text("all"), overflow="fold", min_width=_NARROWEST)
    for column in columns:
        total = Text(column.total(totals))
        table.add_column(column.title, footer=total, justify="right", no_wrap=True)
    for row in rows:
        name = _NOBODY if row.bucket is None else harmless(row.bucket)
        table.add_row(Text(name), *(Text(column.cell(row)) for column in columns))
    return table


def screen(file: IO[str] | None, *, at_least: int = 0) -> Console:
    """A console that takes nothing in a text for markup; what is piped is wide."""
    out = sys.stdout if file is None else file
    width = shutil.get_terminal_size().columns if out.isatty() else _PIPED_WIDTH
    return Console(
        file=out,
        width=max(width, at_least),
        height=_HEIGHT,  # without one, Rich takes a dumb terminal for 80 columns wide
        markup=False,
        emoji=False,
        highlight=False,
    )
