"""`models`: what the provider offers."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened

_HELP = """List the models that can be asked.

Example: python -m ledger models list --free
"""
models = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)


@models.callback()
def _models() -> None:
    """Keep `list` a command of its own, however few there are."""


@models.command("list")
def listed(
    context: typer.Context,
    *,
    free: Annotated[
        bool, typer.Option("--free", help="Only those whose prompts and answers cost nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the models on offer now, with their prices.

    The provider is asked; nothing is stored, and no key is needed.

    Example: python -m ledger models list --free
    """
    with opened(context) as ledger:
        found = ledger.listed_models(free=free)
    from ledger.reports import jsonout, offers

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        offers.models_table(found)
