"""Answers to statements: a table for a terminal, JSON and Markdown, amounts exact everywhere."""

import html
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

from rich.box import SIMPLE_HEAD
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger.books.readonly.runner import Answer
from ledger.harmless import harmless
from ledger.reports.named import NamedStatement
from ledger.reports.tables import screen

_USD_NAME = re.compile(r"(?:\w*_)?usd(?:\(.*\))?", re.IGNORECASE | re.DOTALL)
_AMOUNT = re.compile(r"-?\d+\.\d+", re.ASCII)
# What Markdown, or HTML within it, would act on.
_MARKS = re.compile(r"([\\`|*_\[\]~])")
_UNLIMITED = 1_000_000


def table(found: Answer, *, file: IO[str] | None = None) -> None:
    """Print the rows, as wide as they are where nobody's terminal is."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(found.columns):
        figures = _is_all_figures(row[place] for row in found.rows)
        shown.add_column(
            Text(harmless(name)),
            justify="right" if figures else "left",
            no_wrap=figures,
            overflow="fold",
            min_width=min(len(name), 12),
        )
    for row in found.rows:
        shown.add_row(*(Text(harmless(text_of(value, "-"))) for value in row))
    console = screen(file)
    if not console.is_terminal:
        unlimited = console.options.update_width(_UNLIMITED)
        console = screen(file, at_least=Measurement.get(console, unlimited, shown).maximum)
    console.print(shown)
    console.print(Text("1 row." if len(found.rows) == 1 else f"{len(found.rows)} rows."))


def as_json(found: Answer) -> dict[str, Any]:
    """The answer for exact JSON: a row is an object, and `_usd` columns are numbers."""
    names = unique_names(found.columns)
    return {
        "columns": names,
        "rows": [dict(zip(names, row, strict=True)) for row in with_numbers(found)],
        "is_cut": found.is_cut,
        "warnings": list(found.warnings),
    }


def markdown(found: Answer) -> Iterator[str]:
    """The lines of a table, in which no text does anything."""
    figures = [
        _is_all_figures(row[place] for row in found.rows) for place in range(len(found.columns))
    ]
    yield _line(map(_escaped, found.columns))
    yield _line("---:" if each else "---" for each in figures)
    for row in found.rows:
        yield _line(_escaped(text_of(value, "")) for value in row)


def unique_names(columns: Sequence[str]) -> list[str]:
    """The columns' names, a number behind those that come again."""
    found: list[str] = []
    for name in columns:
        again, unique = 1, name
        while unique in found:
            again += 1
            unique = f"{name}_{again}"
        found.append(unique)
    return found


def with_numbers(found: Answer) -> Iterator[tuple[Any, ...]]:
    """The rows with the amounts of `_usd` columns as numbers: no text that looks like one."""
    amounts = [_USD_NAME.fullmatch(name) is not None for name in found.columns]
    for row in found.rows:
        yield tuple(
            _number(value) if is_amount else value
            for value, is_amount in zip(row, amounts, strict=True)
        )


def list_lines(found: Sequence[NamedStatement]) -> Iterator[str]:
    """Each shipped statement with its parameters."""
    for each in found:
        yield f"{each.name}: {each.description}"
        for parameter in each.parameters:
            default = f" ({parameter.default} if left out)" if parameter.default else ""
            yield f"    --{parameter.name} {parameter.kind.upper()}{default}: {parameter.meaning}"


def text_of(value: Any, nothing: str) -> str:
    """A value as text: plain digits, never an exponent."""
    if value is None:
        return nothing
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _is_all_figures(values: Iterator[Any]) -> bool:
    """Whether there is something in a column, and nothing but numbers."""
    seen = [value for value in values if value is not None]
    return bool(seen) and all(_is_figure(value) for value in seen)


def _is_figure(value: Any) -> bool:
    if isinstance(value, str):
        return _AMOUNT.fullmatch(value) is not None
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _number(value: Any) -> Any:
    """Exact decimal text as the number that it is."""
    is_amount = isinstance(value, str) and _AMOUNT.fullmatch(value)
    return Decimal(value) if is_amount else value


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """A cell's text, visible and inert: one line, no markup and no HTML."""
    return _MARKS.sub(r"\\\1", html.escape(harmless(text), quote=False))
