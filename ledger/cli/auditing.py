"""`reconcile`: the books beside what the provider says."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened

_UNEXPLAINED = 1


def reconcile(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="A UTC month; this one if left out.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="The first UTC day instead.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last UTC day.")] = None,
    activity: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="The provider's export, as its word.")
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option(metavar="USD", help="What may stay unexplained; 0.000001.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain where books and provider differ.

    A management key in OPENROUTER_MANAGEMENT_KEY may see the account's activity; an ordinary one
    is told its own counters only. The exit code is 1 where more than the tolerance stays
    unexplained.

    Example: python -m ledger reconcile --month 2026-11
    """
    with opened(context) as ledger:
        found = ledger.reconcile(
            month, since=since, until=until, activity=activity, tolerance=tolerance
        )
    from ledger.audit import telling
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(telling.as_json(found)))
    else:
        telling.show(found)
    if not found.is_explained:
        raise typer.Exit(_UNEXPLAINED)
