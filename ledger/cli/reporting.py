"""`report`: what the calls came to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.context import AsJson, opened, say, stream

if TYPE_CHECKING:
    from ledger.client import Ledger

KEYS = (
    "hour",
    "day",
    "week",
    "month",
    "caller",
    "member",
    "model",
    "provider",
    "tag",
    "status",
)
"""What a report adds up by, in the words of `Ledger.report`; here so that help stays light."""

_TIME = "A day, month (2026-11), moment, today, yesterday, or how long ago: 7d."


def _word(word: str | None) -> str | None:
    """One of the words.

    Raises:
        typer.BadParameter: it is none.
    """
    if word is not None and word not in _words():
        raise typer.BadParameter(f"{word!r} is not one of {', '.join((*KEYS, *_OTHERS))}.")
    return word


def _words() -> list[str]:
    return [*KEYS, *filter(None, _OTHERS)]


def report(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    by: Annotated[
        str | None,
        typer.Argument(
            metavar="DIM",
            help=f"What to add up by: {', '.join(KEYS)}; or commits (of the program), or waste.",
            callback=_word,
            autocompletion=_words,
        ),
    ] = None,
    then: Annotated[
        str | None,
        typer.Argument(
            metavar="DIM2",
            help="Another of these, to cross it with.",
            callback=_word,
            autocompletion=_words,
        ),
    ] = None,
    *,
    since: Annotated[str | None, typer.Option(help=f"From when on. {_TIME}")] = None,
    until: Annotated[str | None, typer.Option(help="To the end of when; as --since.")] = None,
    caller: Annotated[str | None, typer.Option(help="Only calls of this caller.")] = None,
    model: Annotated[str | None, typer.Option(help="Only calls of this model.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only calls with this tag, key=value.")] = None,
    of: Annotated[
        str | None, typer.Option("--of", help="Of tags, the name whose values are wanted.")
    ] = None,
    tz: Annotated[str, typer.Option(help="The time zone of hours and days, by IANA name.")] = "UTC",
    top: Annotated[
        int | None, typer.Option(min=1, help="So many names, and all others in one row.")
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one page with charts and tables.")
    ] = None,
) -> None:
    """Costs at a glance, or by time, caller, model, tag.

    A request belongs to the time in which it started. A member has every call that was made
    through it, and beside that its own. Every total says how much of it is settled. Without a
    word: today and this month beside those before, who spends most, errors, and credits left.

    Example: python -m ledger report day caller --since 7d --tz Europe/Berlin
    """
    forms = {"json": as_json, "csv": as_csv, "markdown": as_markdown}
    chosen = [name for name, is_on in forms.items() if is_on]
    if len(chosen) + (html is not None) > 1:
        raise typer.BadParameter("Choose one of --json, --csv, --markdown and --html.")
    asked: dict[str, Any] = {
        "since": since,
        "until": until,
        "caller": caller,
        "model": model,
        "tag": tag,
        "of": of,
        "top": top,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if of is not None and "tag" not in (by, then):
        raise typer.BadParameter("--of goes with `report tag`.")
    form = chosen[0] if chosen else "table"
    with opened(context) as ledger:
        if html is not None:
            _page(context, ledger, html, (by, then), given | {"tz": tz})
        elif by is None or by in _OTHERS:
            _OTHERS[by or ""](ledger, form, _only(by, then, given) | {"tz": tz})
        else:
            _show(ledger.report(by, then, tz=tz, **given), form)


def _only(by: str | None, then: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """The options of a report that is not by a key.

    Raises:
        typer.BadParameter: one that means nothing there.
    """
    taken = _TAKEN[by or ""]
    wrong = [f"--{name}" for name in given if name not in taken] + ([then] if then else [])
    if wrong:
        where = f"`report {by}`" if by else "a report at a glance: say by what, as `report day`"
        raise typer.BadParameter(f"{wrong[0]} does not go with {where}.")
    return given


def _page(
    context: typer.Context,
    ledger: "Ledger",
    path: Path,
    by: tuple[str | None, str | None],
    asked: dict[str, Any],
) -> None:
    """Write the page.

    Raises:
        typer.BadParameter: of what is no report by a key.
    """
    if by[0] in _OTHERS:
        raise typer.BadParameter(f"--html does not go with `report {by[0]}`.")
    say(context, f"{ledger.report_html(path, *by, **asked)}: written")


def _show(found: Any, form: str) -> None:
    from ledger.reports import jsonout
    from ledger.reports.usage import markdown, table

    if form == "json":
        typer.echo(jsonout.document(found))
    elif form == "csv":
        from ledger.exchange import csv_rows

        stream(csv_rows.pieces(found.columns, (row.values(found.columns) for row in found)))
    elif form == "markdown":
        typer.echo("\n".join(markdown.lines(found)))
    else:
        table.show(found)


def _glance(ledger: "Ledger", form: str, asked: dict[str, Any]) -> None:
    """The books at a glance.

    Raises:
        typer.BadParameter: as a table of one kind of row, which it is not.
    """
    if form in ("csv", "markdown"):
        raise typer.BadParameter(f"--{form} goes with a DIM, as `report day --{form}`.")
    found = ledger.glance(**asked)
    from ledger.reports import jsonout
    from ledger.reports.glance import table

    if form == "json":
        typer.echo(jsonout.document(found))
    else:
        table.show(found)


def _commits(ledger: "Ledger", form: str, asked: dict[str, Any]) -> None:
    found = ledger.commits(**asked)
    from ledger.reports import commits
    from ledger.reports.listing import Listing

    _list(form, Listing.of(commits.CommitUsage, found, commits.COLUMNS, commits.cells(found)))


def _waste(ledger: "Ledger", form: str, asked: dict[str, Any]) -> None:
    found = ledger.waste(**asked)
    from ledger.reports import waste
    from ledger.reports.listing import Listing

    words, last = waste.cells(found), waste.lines(found)
    _list(form, Listing.of(waste.WasteUsage, found, waste.COLUMNS, words, last))


def _list(form: str, found: Any) -> None:
    """Rows that are no sums by a key, in the form that is wanted."""
    from ledger.reports import jsonout, listing

    if form == "json":
        typer.echo(jsonout.document(found.rows))
    elif form == "csv":
        from ledger.exchange import csv_rows

        stream(csv_rows.pieces(found.names, found.values()))
    elif form == "markdown":
        typer.echo("\n".join(listing.markdown_lines(found)))
    else:
        listing.show(found)


_OTHERS: dict[str, Callable[["Ledger", str, dict[str, Any]], None]] = {
    "commits": _commits,
    "waste": _waste,
    "": _glance,
}
_TAKEN = {word: ("since", "until", "caller") for word in _OTHERS if word} | {"": ()}
