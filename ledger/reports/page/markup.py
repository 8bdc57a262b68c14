"""HTML in which names are only text: what others wrote is escaped here and nowhere else."""

import html
from collections.abc import Iterable, Sequence

from ledger.harmless import harmless
from ledger.reports.usage.figures import short

_LONGEST_NAME = 200
_TEXT = ' class="text"'


def text(said: str) -> str:
    """A text as HTML: controls written out, at most 200 characters, every mark escaped."""
    return html.escape(short(harmless(said), _LONGEST_NAME), quote=True)


def name(said: str) -> str:
    """A name whose direction of writing turns nothing around it."""
    return f"<bdi>{text(said)}</bdi>"


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    names: int = 1,
    total: Sequence[str] | None = None,
) -> str:
    """A table under its heading; on a narrow screen it is moved sideways.

    Args:
        title: its heading.
        columns: their titles.
        rows: their cells, not yet escaped.
        names: how many of the first columns are names and not figures.
        total: the cells of the last line.
    """
    head = "".join(
        f'<th scope="col"{_TEXT if place < names else ""}>{text(column)}</th>'
        for place, column in enumerate(columns)
    )
    body = "".join(f"<tr>{_cells(row, names)}</tr>\n" for row in rows)
    foot = "" if total is None else f"<tfoot><tr>{_cells(total, names)}</tr></tfoot>"
    return (
        f'<section><h2>{text(title)}</h2><div class="wide" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>{foot}</table></div></section>\n"
    )


def _cells(row: Sequence[str], names: int) -> str:
    return "".join(
        f'<th scope="row">{name(cell)}</th>' if place < names else f"<td>{text(cell)}</td>"
        for place, cell in enumerate(row)
    )
