"""Rows that are a list rather than sums by a key, as a table on a terminal or in Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger import clock
from ledger.harmless import harmless
from ledger.reports.rows import ViewRow
from ledger.reports.tables import UNLIMITED, screen
from ledger.reports.usage.figures import short
from ledger.reports.usage.markdown import plain

_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Listing:
    """Typed rows, and the same in words.

    Attributes:
        names: the columns of the rows.
        titles: the columns of the words; the first says what a row is.
        last: lines that stand below.
    """

    rows: Sequence[ViewRow]
    names: tuple[str, ...]
    titles: tuple[str, ...]
    cells: Sequence[tuple[str, ...]]
    last: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        kind: type[ViewRow],
        rows: Sequence[ViewRow],
        titles: tuple[str, ...],
        cells: Sequence[tuple[str, ...]],
        last: tuple[str, ...] = (),
    ) -> "Listing":
        """The listing of rows of one kind."""
        return cls(rows, kind.columns(), titles, cells, last)

    def values(self) -> Iterator[list[Any]]:
        """The values of each row, in the order of `names`; times as text."""
        for row in self.rows:
            known = row.as_json()
            yield [known[name] for name in self.names]


def show(found: Listing, *, file: IO[str] | None = None) -> None:
    """Print a listing; what is narrower than its figures is wider than the screen."""
    console = screen(file)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(found.titles):
        justify: Any = "right" if place else "left"
        table.add_column(title, justify=justify, no_wrap=bool(place), overflow="fold")
    for row in found.cells:
        table.add_row(*(Text(short(harmless(cell), _LONGEST)) for cell in row))
    screen(file, at_least=_needed(console, table)).print(table)
    for line in found.last:
        console.print(Text(line))


def markdown_lines(found: Listing) -> Iterator[str]:
    """A listing as a Markdown table."""
    yield f"| {' | '.join(found.titles)} |"
    yield f"| --- |{' ---: |' * (len(found.titles) - 1)}"
    for row in found.cells:
        yield f"| {' | '.join(map(plain, row))} |"
    if found.last:
        yield ""
        yield from found.last


def _needed(console: Console, table: Table) -> int:
    """How wide a table has to be for its figures, its first column folded."""
    table.columns[0].max_width = 24
    needed = Measurement.get(console, console.options.update_width(UNLIMITED), table).maximum
    table.columns[0].max_width = None
    return max(needed, console.width)


def moment(value: Any) -> str:
    """A moment as people read it."""
    return clock.to_text(value)[:16].replace("T", " ")
