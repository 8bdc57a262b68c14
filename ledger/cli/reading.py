"""`show`, `status` and `report`: what the books say."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened

BUCKETS = ("day", "month", "caller", "member", "model", "tag")
"""What a report adds up by, in the words of `Ledger.report`; here so that help stays light."""

OVERLAPPING = ("member", "tag")
"""Of these, those whose rows share requests: their totals are those of the whole ledger."""


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


def status(
    context: typer.Context,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody over the network.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show home, key, and what is open or pending.

    The provider has 3 seconds to say what the key may spend, and which models there are.

    Example: python -m ledger status
    """
    with opened(context) as ledger:
        found = ledger.status(offline=offline)
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
    of: Annotated[
        str | None, typer.Option("--of", help="Of tags, the name whose values are wanted.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add up costs by time, caller, model or tag.

    Days and months are UTC; a request belongs to those in which it started. A member has every
    call that was made through it, and beside that its own.

    Example: python -m ledger report caller --json
    """
    if of is not None and by != "tag":
        raise typer.BadParameter("--of goes with `report tag`.")
    with opened(context) as ledger:
        rows = ledger.report(by, of)
        is_whole = by not in OVERLAPPING or of is not None
        whole = rows if is_whole else ledger.report("month")
        from ledger.reports import jsonout, tables

        if as_json:
            typer.echo(jsonout.document(jsonout.usage(by, rows, whole)))
        else:
            tables.usage(by, rows, whole)
