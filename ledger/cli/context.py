"""What every command shares: the global options, and the ledger that they choose."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import typer

if TYPE_CHECKING:
    from ledger.client import Ledger

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, amounts as exact numbers.")
]


class Chosen(NamedTuple):
    """The global options of one run.

    Attributes:
        home: the ledger's home, or None for the environment's.
        debug: whether an error shows its traceback.
        quiet: whether what was done is left unsaid. Figures, answers and errors never are.
    """

    home: Path | None = None
    debug: bool = False
    quiet: bool = False


def chosen(context: typer.Context) -> Chosen:
    """The global options of this run."""
    return context.find_object(Chosen) or Chosen()


@contextlib.contextmanager
def opened(context: typer.Context) -> Iterator["Ledger"]:
    """The ledger that the global options choose, closed afterwards."""
    from ledger.client import Ledger

    ledger = Ledger(home=chosen(context).home)
    try:
        yield ledger
    finally:
        ledger.close()


def say(context: typer.Context, text: str) -> None:
    """Tell what was done, unless nobody wants to hear it."""
    if not chosen(context).quiet:
        typer.echo(text)


def stream(pieces: Iterable[bytes]) -> None:
    """Bytes as they are to a pipe or a file, and harmless to a terminal."""
    if sys.stdout.isatty():
        from ledger.harmless import harmless_lines

        for piece in pieces:
            typer.echo(harmless_lines(piece.decode().replace("\r\n", "\n")), nl=False)
        return
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
