"""`settle`: the provider's own records."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened, say
from ledger.cli.progress import shown


def settle(  # noqa: PLR0913 - two things that are done to what is not settled
    context: typer.Context,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, on the schedule, until nothing is pending.")
    ] = False,
    resolve: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Say yourself what this request cost, which nobody knows."),
    ] = None,
    cost: Annotated[str | None, typer.Option(help="With --resolve: USD that it cost.")] = None,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="With --resolve: it was never sent.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the provider's records of what calls cost.

    Example: python -m ledger settle --watch
    """
    if resolve is not None or cost is not None or not_sent:
        _resolve(context, resolve, cost, not_sent=not_sent, as_json=as_json)
        return
    with opened(context) as ledger, shown(context, "settling") as progress:
        found = ledger.watch(progress) if watch else ledger.settle(progress)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        say(context, sentences.settlement(found))


def _resolve(
    context: typer.Context,
    request_id: str | None,
    cost: str | None,
    *,
    not_sent: bool,
    as_json: bool,
) -> None:
    """Book an operator's word.

    Raises:
        BadParameter: it isn't said of which request, or not one of both.
    """
    if request_id is None or not_sent == (cost is not None):
        raise typer.BadParameter("Say --resolve ID with --cost USD, or with --not-sent.")
    with opened(context) as ledger:
        found = ledger.resolve(request_id, cost)
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        say(context, f"{found.id}: {found.total_usd} USD, {found.cost_grade}")
