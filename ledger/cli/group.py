"""The root command: commands by name, the global options, and words that mean a command."""

import importlib
import keyword
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ledger.cli.context import chosen

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
HOME_HELP = "Folder of the ledger; LEDGER_HOME, else the platform's own place."
QUIET_HELP = "Don't say what was done; figures and errors are printed."
DEBUG_HELP = "Show log lines, and where an error came from."

# What people try, and the command that does it.
_MEANT = {
    "add": "ask",
    "chat": "ask",
    "check": "doctor",
    "cost": "report caller",
    "costs": "report caller",
    "csv": "export --format csv",
    "dump": "export --format csv",
    "help": "--help",
    "init": "demo",
    "key": "status",
    "list": "report day",
    "log": "report day",
    "logs": "report day",
    "login": "status",
    "migrate": "upgrade",
    "prompt": "ask",
    "query": "report caller",
    "restore": "backup",
    "run": "ask",
    "send": "ask",
    "stats": "report caller",
    "start": "demo",
    "sync": "settle",
    "test": "demo",
    "usage": "report caller",
    "version": "--version",
}


class Listed(NamedTuple):
    """A command: the module of this package that has it, and the first line of its help."""

    module: str
    summary: str


def _set_home(context: typer.Context, value: Path | None) -> None:
    if value is not None:
        context.obj = chosen(context)._replace(home=value)


def _set_quiet(context: typer.Context, value: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if value:
        context.obj = chosen(context)._replace(quiet=True)


def _set_debug(context: typer.Context, value: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if value:
        context.obj = chosen(context)._replace(debug=True)


def _options(
    *,
    home: Annotated[Path | None, typer.Option(help=HOME_HELP, callback=_set_home)] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help=QUIET_HELP, callback=_set_quiet)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help=DEBUG_HELP, callback=_set_debug)] = False,
) -> None:
    """Only its signature counts: the options of every command."""


class Group(TyperGroup):
    """The root: a command's module is loaded when it is asked for, so that `--help` stays light.

    All commands take the global options, however deep they are.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Click's signature
        """The names of all commands, in the order of the table."""
        return list(table())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Click's signature
        """A command by its name, loaded; None where there is no such."""
        if cmd_name in table() and cmd_name not in self.commands:
            self.commands[cmd_name] = _loaded(cmd_name, table()[cmd_name].module)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant.

        Raises:
            click.UsageError: there is none; says which comes near.
        """
        word = args[0]
        if word not in table() and not word.startswith("-"):
            near = _MEANT.get(word) or " or ".join(get_close_matches(word, table()))
            hint = f" Did you mean {near}?" if near else ""
            ctx.fail(f"No such command {word!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Click's signature
        """Every command with its summary, without loading it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.summary) for name, each in table().items()])


def table() -> "dict[str, Listed]":
    """The commands of the app."""
    from ledger.cli.app import COMMANDS

    return COMMANDS


def _loaded(name: str, module: str) -> Any:
    """A command from its module, where it has the function or the Typer app of its name."""
    attribute = name.replace("-", "_")
    attribute += "_" if keyword.iskeyword(attribute) else ""
    found = getattr(importlib.import_module(f"ledger.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        source = typer.Typer(add_completion=False, rich_markup_mode=None)
        source.command(name, context_settings=HELP_OPTIONS)(found)
        found = source
    command = get_command(found)
    command.name = name
    _extend(command)
    return command


def _extend(command: Any) -> None:
    """Add the options, but those whose name the command uses itself."""
    taken = {name for param in command.params for name in param.opts}
    source = typer.Typer(add_completion=False)
    source.command(add_help_option=False)(_options)
    for option in get_command(source).params:
        if taken.isdisjoint(option.opts):
            option.expose_value = False
            command.params.append(option)
    for nested in getattr(command, "commands", {}).values():
        _extend(nested)
