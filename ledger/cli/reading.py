"""`show` and `status`: what the books say."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened


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
