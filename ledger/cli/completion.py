"""`completion`: what a shell needs to complete the commands of the installed script."""

from typing import Annotated

import typer

from ledger.cli.main import COMPLETING

PROGRAM = "openrouter-ledger"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def _shells() -> list[str]:
    return list(SHELLS)


def _shell(word: str) -> str:
    """One of the shells.

    Raises:
        typer.BadParameter: it is none.
    """
    if word not in SHELLS:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(SHELLS)}.")
    return word


def completion(
    shell: Annotated[
        str,
        typer.Argument(
            metavar="|".join(SHELLS[:4]), help="The shell.", callback=_shell, autocompletion=_shells
        ),
    ],
    *,
    install: Annotated[
        bool, typer.Option("--install", help="Add it to the shell's own start-up files.")
    ] = False,
) -> None:
    """Print or install completion for the shell.

    It completes the script `openrouter-ledger`; a shell can't for `python -m ledger`.

    Example: python -m ledger completion bash --install
    """
    from typer._completion_shared import get_completion_script
    from typer._completion_shared import install as install_script

    if not install:
        script = get_completion_script(prog_name=PROGRAM, complete_var=COMPLETING, shell=shell)
        typer.echo(script)
        return
    _, path = install_script(shell=shell, prog_name=PROGRAM, complete_var=COMPLETING)
    typer.echo(f"Completion is in {path}; a new shell has it.")


def prepare() -> None:
    """Let Typer answer a shell, where one asks."""
    from typer._completion_classes import completion_init

    completion_init()
