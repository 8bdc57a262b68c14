"""Budgets in tables for a terminal."""

from collections.abc import Iterable, Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ledger import clock
from ledger.limits.balances import BudgetChange, BudgetState, HeldRequest
from ledger.reports.tables import screen
from ledger.reports.terminal import harmless

_FIGURES = frozenset({"limit USD", "spent USD", "held USD", "left USD"})
_NEVER = "never"


def budgets_table(found: Sequence[BudgetState], *, file: IO[str] | None = None) -> None:
    """Print the budgets in force."""
    titles = ("budget", "for", "per", "limit USD", "spent USD", "held USD", "left USD", "resets at")
    rows = (
        (
            each.name,
            each.scope,
            each.period,
            f"{each.limit_usd:f}",
            f"{each.spent_usd:f}",
            f"{each.held_usd:f}",
            f"{each.left_usd:f}",
            clock.to_text(each.resets_at)[:19] + "Z" if each.resets_at else _NEVER,
            "refuses" if each.at_limit == "refuse" else "warns",
        )
        for each in found
    )
    _print((*titles, "at the limit"), rows, file)


def history_table(found: Sequence[BudgetChange], *, file: IO[str] | None = None) -> None:
    """Print every change of the budgets."""
    rows = (
        (
            clock.to_text(each.at)[:19] + "Z",
            each.os_user or "-",
            each.host or "-",
            each.name,
            each.kind,
            each.scope,
            each.period,
            f"{each.limit_usd:f}",
            "refuses" if each.at_limit == "refuse" else "warns",
        )
        for each in found
    )
    titles = ("at", "by", "on", "budget", "what", "for", "per", "limit USD", "at the limit")
    _print(titles, rows, file)


def held_table(found: Sequence[HeldRequest], *, file: IO[str] | None = None) -> None:
    """Print the requests that something is held for."""
    rows = (
        (
            each.request_id,
            clock.to_text(each.started_at)[:19] + "Z",
            each.caller or "-",
            each.model or "-",
            each.status,
            each.cost_grade,
            f"{each.held_usd:f}",
            each.process,
        )
        for each in found
    )
    titles = ("request", "started", "caller", "model", "status", "cost", "held USD", "its process")
    _print(titles, rows, file)


def _print(titles: Sequence[str], rows: Iterable[Sequence[str]], file: IO[str] | None) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        is_figure = title in _FIGURES
        table.add_column(title, justify="right" if is_figure else "left", no_wrap=is_figure)
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    screen(file).print(table)
