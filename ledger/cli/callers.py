"""`callers` and `config`: who calls, who a file would be, and what each one's config says."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ledger.cli.context import AsJson, opened

if TYPE_CHECKING:
    from ledger.calls.configuring import ConfigShown

_CONFIG = """Show, set or restore what a config says.

Without --caller it is the home's, which counts for everyone.

Example: python -m ledger config show --caller flow_mbank
"""
_options = {"help_option_names": ["-h", "--help"]}
callers = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=_options)
config = typer.Typer(
    help=_CONFIG,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=_options,
    no_args_is_help=True,
)

_Whose: TypeAlias = Annotated[str | None, typer.Option("--caller", help="The caller's name.")]


@callers.callback(invoke_without_command=True)
def listed(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the callers, or explain or rename one.

    Example: python -m ledger callers
    """
    if context.invoked_subcommand is not None:
        return
    with opened(context) as ledger:
        found = ledger.callers()
    from ledger.reports import jsonout, tables

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        tables.callers(found)


@callers.command()
def explain(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE[:LINE]", help="A module, or a line of it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say which caller a file is, and by which rule.

    Nothing is called and nothing is written.

    Example: python -m ledger callers explain flow/flow_mbank.py
    """
    from ledger.callers import explaining

    file, line = explaining.split(place)
    with opened(context) as ledger:
        found = ledger.explain_caller(file, line)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    typer.echo(jsonout.document(found) if as_json else sentences.explanation(found))


@callers.command()
def rename(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="The name that it is listed by.")],
    new: Annotated[str, typer.Argument(help="The name that it has from now on.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a caller, with its history, by a new name.

    Example: python -m ledger callers rename flow_mbank flow_bank
    """
    with opened(context) as ledger:
        found = ledger.rename_caller(old, new)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    typer.echo(jsonout.document(found) if as_json else sentences.renamed(found))


@config.command()
def show(context: typer.Context, *, caller: _Whose = None, as_json: AsJson = False) -> None:
    """Show what counts, defaults included.

    Example: python -m ledger config show --caller flow_mbank
    """
    with opened(context) as ledger:
        found = ledger.show_config(caller)
    _say(found, as_json=as_json)


@config.command(name="set")
def set_(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The setting, e.g. ai_model or timeout_seconds.")],
    value: Annotated[str, typer.Argument(help="JSON; what is none is taken as text.")],
    *,
    caller: _Whose = None,
    as_json: AsJson = False,
) -> None:
    """Set one value; the rest of the file stays.

    Example: python -m ledger config set ai_temperature 0.2 --caller flow_mbank
    """
    from ledger.callers import editing

    with opened(context) as ledger:
        found = ledger.set_config(key, editing.value_of(value), caller)
    _say(found, as_json=as_json)


@config.command()
def restore(
    context: typer.Context,
    *,
    caller: Annotated[str, typer.Option("--caller", help="The caller's name.")],
    as_json: AsJson = False,
) -> None:
    """Bring a lost config back from the books.

    Example: python -m ledger config restore --caller flow_mbank
    """
    with opened(context) as ledger:
        found = ledger.restore_config(caller)
    _say(found, as_json=as_json)


def _say(found: "ConfigShown", *, as_json: bool) -> None:
    from ledger.cli import sentences
    from ledger.reports import jsonout

    typer.echo(jsonout.document(found) if as_json else sentences.config(found))
