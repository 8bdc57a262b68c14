"""The Typer app: global options, and every command by its name."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.context import Chosen
from ledger.cli.group import DEBUG_HELP, HELP_OPTIONS, HOME_HELP, QUIET_HELP, Group, Listed

_HELP = """The books for every LLM call: who asked, of which model, and what it cost.

Example: python -m ledger demo
"""
_EPILOG = (
    "Exit codes: 0 done, 1 other, 2 usage, 3 refused, 4 books, 5 provider, 6 connection,"
    " 130 interrupted."
)

COMMANDS = {
    "ask": Listed("calls", "Send one message and print the answer."),
    "show": Listed("reading", "Show one request: who, how it ended, its cost."),
    "status": Listed("reading", "Show home, key, and what is open or pending."),
    "report": Listed("reporting", "Costs at a glance, or by time, caller, model, tag."),
    "tail": Listed("following", "Follow calls as they start and end."),
    "sql": Listed("sql", "Ask the books in SQL, without changing them."),
    "credits": Listed("account", "Show credits purchased, used and remaining."),
    "models": Listed("models", "List models, and their prices over time."),
    "reconcile": Listed("auditing", "Explain where books and provider differ."),
    "settle": Listed("settling", "Fetch the provider's records of what calls cost."),
    "export": Listed("exporting", "Write the JSON files, a view, or a bill."),
    "import": Listed("importing", "Book the calls and totals that a file has."),
    "backup": Listed("books", "Copy the ledger in use, and verify the copy."),
    "upgrade": Listed("books", "Bring the ledger to the newest schema."),
    "logs": Listed("contents", "List or search what was asked and answered."),
    "purge": Listed("contents", "Remove stored messages and answers for good."),
    "budget": Listed("budgets", "Set, list or remove budgets."),
    "callers": Listed("callers", "List the callers, or explain or rename one."),
    "config": Listed("callers", "Show, set or restore what a config says."),
    "doctor": Listed("doctor", "Examine the ledger, and say how to cure it."),
    "completion": Listed("completion", "Print or install completion for the shell."),
    "adopt": Listed("adopting", "List LLM calls that are not on the books."),
    "sandbox": Listed("trying", "Run a local OpenRouter until interrupted."),
    "demo": Listed("trying", "Run a small ecosystem, free, and show its books."),
}
"""In the order of the help. The module has a function, or a Typer app of commands, of that name;
it is loaded when the command is asked for."""

# No Rich markup: it more than doubles the time of `--help`.
app = typer.Typer(
    name="openrouter-ledger",
    help=_HELP,
    epilog=_EPILOG,
    cls=Group,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=HELP_OPTIONS,
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
    home: Annotated[Path | None, typer.Option(help=HOME_HELP)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=QUIET_HELP)] = False,
    debug: Annotated[bool, typer.Option("--debug", help=DEBUG_HELP)] = False,
    version: Annotated[  # noqa: ARG001 - its callback has acted on it
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    context.obj = Chosen(home=home, debug=debug, quiet=quiet)
