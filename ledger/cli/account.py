"""`credits`: what was bought, used and is left, as the provider says."""

import typer

from ledger.cli.context import AsJson, opened


def credits(context: typer.Context, *, as_json: AsJson = False) -> None:  # noqa: A001 - the command's name
    """Show credits purchased, used and remaining.

    Only a management key is told; what an ordinary one cannot know is said in words. Each answer
    is booked as a credit_snapshot.

    Example: python -m ledger credits
    """
    with opened(context) as ledger:
        found = ledger.credits()
    from ledger.reports import jsonout
    from ledger.reports.credits import account_credits

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        account_credits(found)
