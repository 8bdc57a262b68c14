"""A usage report as a Markdown table, for an issue or a page: names in it are only text."""

import re
from collections.abc import Iterable, Iterator, Sequence

from ledger.harmless import harmless
from ledger.reports.usage.figures import figures, grades
from ledger.reports.usage.report import Report

_MARKS = re.compile(r"([\\|`*\[\]<>&#!~$@])")


def lines(report: Report) -> Iterator[str]:
    """The table, its total, and the grades below it."""
    columns = figures(report)
    keys = report.question.by
    yield _line([*keys, *(column.title for column in columns)])
    yield _line([*("---" for _ in keys), *("---:" for _ in columns)])
    for row in report:
        names = map(plain, row.labels(report.question.ranked))
        yield _line([*names, *(column.cell(row) for column in columns)])
    blank = [""] * (len(keys) - 1)
    yield _line(["all", *blank, *(column.cell(report.totals) for column in columns)])
    yield ""
    yield " ".join(grades(report.totals))


def plain(name: str) -> str:
    """A name as text that no renderer takes for a cell's end, a link, a tag or a mention."""
    return _MARKS.sub(r"\\\1", harmless(name)).replace("://", ":\\//")


def _line(cells: Iterable[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
