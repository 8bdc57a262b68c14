"""The Typer app: global options, and every command by its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ledger.cli import books, calls, reading, settling, trying
from ledger.cli.context import Chosen

_HELP = """The books for every LLM call: who asked, of which model, and what it cost.

Example: python -m ledger demo
"""

# No Rich markup: it more than doubles the time of `--help`.
app = typer.Typer(
    name="openrouter-ledger",
    help=_HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from ledger import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    *,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of the ledger; LEDGER_HOME, else the platform's own place."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback has acted on it
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    context.obj = Chosen(home=home, debug=debug)


_COMMANDS: dict[str, Callable[..., None]] = {
    "ask": calls.ask,
    "show": reading.show,
    "status": reading.status,
    "report": reading.report,
    "settle": settling.settle,
    "export": settling.export,
    "backup": books.backup,
    "upgrade": books.upgrade,
    "sandbox": trying.sandbox,
    "demo": trying.demo,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
