"""What every command shares: the global options, and the ledger that they choose."""

import contextlib
from collections.abc import Iterator
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
    """

    home: Path | None
    debug: bool


@contextlib.contextmanager
def opened(context: typer.Context) -> Iterator["Ledger"]:
    """The ledger that the global options choose, closed afterwards."""
    from ledger.client import Ledger

    ledger = Ledger(home=context.find_object(Chosen).home)  # type: ignore[union-attr]
    try:
        yield ledger
    finally:
        ledger.close()
