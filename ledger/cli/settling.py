"""`settle` and `export`: the provider's own records, and the JSON files."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened

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
    with opened(context) as ledger, _progress() as progress:
        found = ledger.watch(progress) if watch else ledger.settle(progress)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        typer.echo(sentences.settlement(found))


def export(
    context: typer.Context,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Write every log entry, not only the last 1,000.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the JSON files that have changed.

    Those of the home, and those in every caller's folder.

    Example: python -m ledger export
    """
    with opened(context) as ledger:
        found = ledger.export(every_entry=every)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        typer.echo(sentences.files(found))


@contextlib.contextmanager
def _progress() -> Iterator[_Progress | None]:
    """A bar on stderr while it lasts; only where a person looks at it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("settling", total=None)

        def show(done: int, everything: int) -> None:
            bar.update(task, completed=done, total=everything)

        yield show
