"""`show`, `status` and `report`: what the books say."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened

BUCKETS = ("day", "month", "caller", "model")
"""What a report adds up by, in the words of `Ledger.report`; here so that help stays light."""


def _bucket(word: str) -> str:
    """One of the buckets.

    Raises:
        typer.BadParameter: it is none.
    """
    if word not in BUCKETS:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(BUCKETS)}.")
    return word


def _buckets() -> list[str]:
    return list(BUCKETS)


def show(
    context: typer.Context,
    request_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A request's id, 8 or more of its first characters, or gen-..."
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one request: who, how it ended, its cost.

    Example: python -m ledger show gen-1763977000-abcdef
    """
    with opened(context) as ledger:
        row = ledger.show(request_id)
        from ledger.reports import jsonout, tables

        if as_json:
            typer.echo(jsonout.document(row))
        else:
            tables.request(row)


def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show home, key, and what is open or pending.

    Example: python -m ledger status
    """
    with opened(context) as ledger:
        found = ledger.status()
        from ledger.reports import jsonout, tables

        if as_json:
            typer.echo(jsonout.document(found))
        else:
            tables.status(found)


def report(
    context: typer.Context,
    by: Annotated[
        str,
        typer.Argument(
            metavar="|".join(BUCKETS),
            help="What to add up by.",
            callback=_bucket,
            autocompletion=_buckets,
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Add up costs by day, month, caller or model.

    Days and months are UTC; a request belongs to those in which it started.

    Example: python -m ledger report caller --json
    """
    with opened(context) as ledger:
        rows = ledger.report(by)
        from ledger.reports import jsonout, tables

        if as_json:
            typer.echo(jsonout.document(jsonout.usage(by, rows)))
        else:
            tables.usage(by, rows)
