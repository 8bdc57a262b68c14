"""`sandbox` and `demo`: everything without a key and without cost."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.context import AsJson, Chosen

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Run a local OpenRouter until interrupted.

    It costs nothing and takes any key.

    Example: python -m ledger sandbox --port 8766
    """
    from ledger.sandbox.server import run

    run(host, port, on_ready=_say_how)


def _say_how(running: "Sandbox") -> None:
    """The two lines that point a shell to it."""
    word = "set" if os.name == "nt" else "export"
    typer.echo(f"{word} OPENROUTER_BASE_URL={running.base_url}")
    typer.echo(f"{word} OPENROUTER_API_KEY={running.key}")
    typer.echo("Serving; Ctrl-C ends it.", err=True)


def demo(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="A new or empty folder for everything; else one among temporary files."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Run a small ecosystem, free, and show its books.

    Its modules call a local OpenRouter. Your own ledger is left alone. The folder is kept, so
    that you can look around in it.

    Example: python -m ledger demo
    """
    chosen = context.find_object(Chosen)
    if chosen is not None and chosen.home is not None:
        raise typer.BadParameter("the demo has a ledger of its own: use `demo --home FOLDER`.")
    from ledger.cli.demo import run

    passed = run(home, as_json=as_json)
    raise typer.Exit(0 if passed else 1)
