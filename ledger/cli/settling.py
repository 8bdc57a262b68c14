"""`settle`: the provider's own records."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from ledger.cli.context import AsJson, chosen, opened, say

_Progress = Callable[[int, int], None]


def settle(
    context: typer.Context,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, on the schedule, until nothing is pending.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the provider's records of what calls cost.

    Example: python -m ledger settle --watch
    """
    with opened(context) as ledger, _progress(quiet=chosen(context).quiet) as progress:
        found = ledger.watch(progress) if watch else ledger.settle(progress)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        say(context, sentences.settlement(found))


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[_Progress | None]:
    """A bar on stderr while it lasts; only where a person looks at it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("settling", total=None)

        def show(done: int, everything: int) -> None:
            bar.update(task, completed=done, total=everything)

        yield show
