"""`report`: what the calls came to."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened

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


def _key(word: str | None) -> str | None:
    """One of the keys.

    Raises:
        typer.BadParameter: it is none.
    """
    if word is not None and word not in KEYS:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(KEYS)}.")
    return word


def _keys() -> list[str]:
    return list(KEYS)


def report(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    by: Annotated[
        str,
        typer.Argument(
            metavar="DIM",
            help=f"What to add up by: {', '.join(KEYS)}.",
            callback=_key,
            autocompletion=_keys,
        ),
    ],
    then: Annotated[
        str | None,
        typer.Argument(
            metavar="DIM2",
            help="Another of these, to cross it with.",
            callback=_key,
            autocompletion=_keys,
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
) -> None:
    """Add up costs by time, caller, model, tag and more.

    A request belongs to the time in which it started. A member has every call that was made
    through it, and beside that its own. Every total says how much of it is settled.

    Example: python -m ledger report day caller --since 7d --tz Europe/Berlin
    """
    if as_json + as_csv + as_markdown > 1:
        raise typer.BadParameter("Choose one of --json, --csv and --markdown.")
    if of is not None and "tag" not in (by, then):
        raise typer.BadParameter("--of goes with `report tag`.")
    with opened(context) as ledger:
        found = ledger.report(
            by,
            then,
            since=since,
            until=until,
            caller=caller,
            model=model,
            tag=tag,
            of=of,
            tz=tz,
            top=top,
        )
    from ledger.reports import jsonout
    from ledger.reports.usage import markdown, table

    if as_json:
        typer.echo(jsonout.document(found))
    elif as_csv:
        from ledger.cli.context import stream
        from ledger.exchange import csv_rows

        stream(csv_rows.pieces(found.columns, (row.values(found.columns) for row in found)))
    elif as_markdown:
        typer.echo("\n".join(markdown.lines(found)))
    else:
        table.show(found)
