"""`budget`: what may be spent, by whom and in which time."""

from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.context import AsJson, opened, say

if TYPE_CHECKING:
    from ledger.client import Ledger

_HELP = """Set, list or remove budgets.

Example: python -m ledger budget set team --limit 5 --per day
"""
budget = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)


@budget.command("set")
def set_(  # noqa: PLR0913 - what can be said of a budget
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it by.")],
    *,
    limit: Annotated[str, typer.Option(help="USD that may be spent in a period.")],
    per: Annotated[str, typer.Option(help="day, week, month or total.")],
    caller: Annotated[str | None, typer.Option(help="Only this caller's calls.")] = None,
    chain_member: Annotated[
        str | None, typer.Option(help="Only calls made by this caller or through it.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only calls that ask for this model.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only calls with this tag, KEY=VALUE.")] = None,
    tz: Annotated[str, typer.Option(help="The time zone in which a period begins.")] = "UTC",
    warn: Annotated[str, typer.Option(help="Warn at this part of the limit; 'never' if not.")] = (
        "80%"
    ),
    then: Annotated[
        str, typer.Option(help="At the limit: refuse the call, or only warn.")
    ] = "refuse",
    as_json: AsJson = False,
) -> None:
    """Set a budget, or change the one of that name.

    Without a scope it counts everyone's calls. What was spent in the present period counts.

    Example: python -m ledger budget set mbank --limit 0.50 --per day --caller flow_mbank
    """
    from ledger.reports import jsonout

    with opened(context) as ledger:
        found = ledger.set_budget(
            name,
            limit=limit,
            per=per,
            caller=caller,
            chain_member=chain_member,
            model=model,
            tag=tag,
            tz=tz,
            warn=_percent(warn),
            then=then,
        )
        reach = _reach(ledger)
    if as_json:
        typer.echo(jsonout.document(found))
        return
    from ledger.cli import sentences

    say(context, sentences.budget(found))
    say(context, reach)


@budget.command("list")
def listed(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the budgets: spent, held, left, and when each resets.

    Example: python -m ledger budget list --json
    """
    with opened(context) as ledger:
        found = ledger.budgets()
    from ledger.reports import jsonout, spending

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        spending.budgets_table(found)


@budget.command()
def held(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the requests that something is held for.

    What is `unknown` stays held until `settle --resolve` says what it cost.

    Example: python -m ledger budget held
    """
    with opened(context) as ledger:
        found = ledger.held()
    from ledger.reports import jsonout, spending

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        spending.held_table(found)


@budget.command()
def history(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only the changes of this budget.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show every change of the budgets, and who made it.

    Example: python -m ledger budget history mbank
    """
    with opened(context) as ledger:
        found = ledger.budget_history(name)
    from ledger.reports import jsonout, spending

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        spending.history_table(found)


@budget.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The budget.")],
) -> None:
    """Remove a budget; its history stays.

    Example: python -m ledger budget remove mbank
    """
    with opened(context) as ledger:
        ledger.remove_budget(name)
    say(context, f"Budget {name!r} is removed.")


def _percent(text: str) -> int | None:
    """The percentage in `80%`.

    Raises:
        BadParameter: it is none.
    """
    if text == "never":
        return None
    digits = text.removesuffix("%")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len("100")):
        raise typer.BadParameter(f"{text!r} is no percentage such as 80%.", param_hint="--warn")
    return int(digits)


def _reach(ledger: "Ledger") -> str:
    """Whom the budget rules."""
    target = ledger.books.target
    if target.path is None:
        return f"It rules every call that is booked in {target.name}, on whichever machine."
    return (
        f"It rules the calls that are booked in {target.path}, on this machine."
        " For a team, set LEDGER_URL to a shared server."
    )
