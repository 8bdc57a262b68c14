"""`settle`: the provider's own records."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened, say
from ledger.cli.progress import shown


def settle(
    context: typer.Context,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, on the schedule, until nothing is pending.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the provider's records of what calls cost.

    Example: python -m ledger settle --watch
    """
    with opened(context) as ledger, shown(context, "settling") as progress:
        found = ledger.watch(progress) if watch else ledger.settle(progress)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        say(context, sentences.settlement(found))
