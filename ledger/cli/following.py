"""`tail`: calls as they start and end."""

from typing import Annotated

import typer

from ledger.cli.context import opened


def tail(
    context: typer.Context,
    *,
    last: Annotated[
        int, typer.Option("--last", "-n", min=0, help="So many calls of before first.")
    ] = 10,
    once: Annotated[
        bool, typer.Option("--once", help="Only the calls of before; don't wait for others.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document a line.")] = False,
) -> None:
    """Follow calls as they start and end.

    Those of all programs, a line for each start and end, until it is interrupted or nobody reads
    its lines any more.

    Example: python -m ledger tail --json
    """
    with opened(context) as ledger:
        from ledger.openrouter import exact
        from ledger.reports import following

        for event in ledger.tail(last=last, goes_on=not once):
            typer.echo(exact.dumps(event.as_json()) if as_json else following.line(event))
