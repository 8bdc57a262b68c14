"""Tables for a terminal: exact amounts, right-aligned, and never a name that can act on it."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger import money
from ledger.limits.balances import BudgetState
from ledger.reports import account
from ledger.reports.callers import CallerEntry
from ledger.reports.rows import RequestStatus
from ledger.reports.status import KeySource, Status
from ledger.reports.terminal import harmless

_UNKNOWN = "unknown"
_PIPED_WIDTH = 200
_HEIGHT = 25
UNLIMITED = 1_000_000


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
        unlimited = console.options.update_width(UNLIMITED)
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
        *((f"budget {each.name}", _budget(each)) for each in found.budgets),
        ("auto export", "on" if found.auto_export else "off"),
        *_limits(found),
    ]
    print_facts(facts, file)
    console = screen(file)
    for advice in found.advice:
        console.print(Text(harmless(advice)))


def _budget(found: BudgetState) -> str:
    """What a budget has left, and what of it is held for calls whose cost is not known."""
    each = "in all" if found.period == "total" else f"a {found.period}"
    return (
        f"{found.left_usd:f} of {found.limit_usd:f} USD {each} left for {found.scope},"
        f" {found.spent_usd:f} spent, {found.held_usd:f} held"
    )


def _limits(found: Status) -> list[tuple[str, str]]:
    """What the provider says of the key, or why it said nothing."""
    if found.key_limits is not None:
        return account.key_facts(found.key_limits)
    return [("key limit", f"not asked: {found.not_asked}")] if found.not_asked else []


def _key(place: KeySource) -> str:
    return f"{place.masked} from {place.source}"


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
