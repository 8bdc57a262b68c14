"""The page: what a period came to, over time and by name, with its grades and what else is."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ledger import clock
from ledger.books.books import Books
from ledger.reports.glance import sections
from ledger.reports.glance.sections import Section
from ledger.reports.page import charts, markup
from ledger.reports.usage import adding, periods
from ledger.reports.usage.figures import figures, grades
from ledger.reports.usage.question import TIMES, Question
from ledger.reports.usage.report import Report

_ROWS = 200
_MOST_DAYS, _MOST_WEEKS = 93, 730
_STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows.

    Attributes:
        time: spend by days, weeks or months, whichever a chart can show.
        names: by caller, model, provider and status, the largest with a row each.
        asked: the report that was asked for beside these, if one was.
        sections: what else there is to say.
    """

    time: Report
    names: tuple[Report, ...]
    asked: Report | None
    sections: tuple[Section, ...]


def gather(books: Books, asked: Question, *, is_named: bool) -> Page:
    """Everything that a page about the requests of a question shows.

    Args:
        books: what is read.
        asked: the requests that it is about.
        is_named: whether its keys were asked for, and so have a table of their own.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    names = ("caller", "model", "provider", "status")
    by_names = (replace(asked, by=(key,), of=None, top=_ROWS) for key in names)
    with books.read() as connection:
        more = tuple(sections.sections(connection))
    return Page(
        time=_over_time(books, asked),
        names=tuple(adding.report(books, each) for each in by_names),
        asked=adding.report(books, asked) if is_named else None,
        sections=more,
    )


def _over_time(books: Books, asked: Question) -> Report:
    """By days, or by weeks or months where there are too many of those."""
    days = adding.report(books, replace(asked, by=("day",), of=None, top=None))
    if len(days) < 2:  # noqa: PLR2004 - one day is told by its hours
        return adding.report(books, replace(asked, by=("hour",), of=None, top=None))
    first, last = (charts.day_of(row) for row in (days[0], days[-1]))
    if (last - first).days <= _MOST_DAYS:
        return days
    key = "week" if (last - first).days <= _MOST_WEEKS else "month"
    return adding.report(books, replace(asked, by=(key,), of=None, top=None))


def html(page: Page) -> bytes:
    """The page as one file, which needs no other and lets nothing in it act."""
    style = _STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What the calls came to</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
    return f"{head}{''.join(_body(page))}</body>\n</html>\n".encode()


def _body(page: Page) -> Iterator[str]:
    yield f"<header><h1>What the calls came to</h1>{_when(page.time)}</header>\n"
    yield _tiles(page.time)
    key = page.time.question.by[0]
    yield f"<section><h2>Spend by {key}</h2>\n{charts.over_time(page.time)}</section>\n"
    yield '<div class="pair">'
    for report in page.names[:2]:
        (name,) = report.question.by
        yield f"<section><h2>Spend by {name}</h2>\n{charts.by_name(report)}</section>\n"
    yield "</div>\n"
    for each in page.sections:
        rows = [["-" if value is None else str(value) for value in row] for row in each.rows]
        yield markup.table(each.title, [_title(name) for name in each.columns], rows)
    for report in (*([page.asked] if page.asked else []), page.time, *page.names):
        yield _table(report)


def _when(report: Report) -> str:
    asked = report.question
    since, until = periods.text(asked.period.since), periods.text(asked.period.until)
    words = [
        f"since {since}" if since else "since the first call",
        f"before {until}" if until else f"until {clock.to_text(clock.now())[:16]}Z",
        f"days of {asked.period.zone.key}",
    ]
    filters = (("caller", asked.caller), ("model", asked.model), ("tag", asked.tag))
    words += [
        f"{name} {value if isinstance(value, str) else '='.join(value)}"
        for name, value in filters
        if value is not None
    ]
    return f'<p class="when">{", ".join(map(markup.text, words))}</p>'


def _tiles(report: Report) -> str:
    row = report.totals
    failed = row.failed + row.cancelled + row.interrupted
    facts = [
        ("Total USD", row.total_usd),
        ("of it settled USD", row.settled_usd),
        ("Credits USD", row.cost_usd),
        ("Upstream USD", row.upstream_usd),
        ("Declared USD, not in the total", row.declared_usd),
        ("Requests", str(row.requests)),
        ("not finished", str(failed)),
        ("Cost pending", str(row.pending_requests)),
        ("Cost unknown", str(row.unknown_requests)),
        ("Unpriced", str(row.unpriced_requests)),
    ]
    tiles = "".join(
        f"<div><dl><dt>{markup.text(name)}</dt><dd>{markup.text(value)}</dd></dl></div>"
        for name, value in facts
    )
    return f'<div class="tiles">{tiles}</div>\n'


def _table(report: Report) -> str:
    columns, keys = figures(report), report.question.by
    rows = (
        [*row.labels(report.question.ranked), *(column.cell(row) for column in columns)]
        for row in report
    )
    blank = [""] * (len(keys) - 1)
    total = ["all", *blank, *(column.cell(report.totals) for column in columns)]
    titles = [*keys, *(column.title for column in columns)]
    made = markup.table(f"By {' and '.join(keys)}", titles, rows, names=len(keys), total=total)
    if keys[0] not in TIMES:
        return made
    lines = "<br>".join(map(markup.text, grades(report.totals)))
    return made.replace("</section>", f'<p class="grades">{lines}</p></section>')


def _title(name: str) -> str:
    return name.replace("_usd", " USD").replace("_", " ")
