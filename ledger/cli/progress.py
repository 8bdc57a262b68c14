"""A bar for what takes long, on stderr and only where a person looks at it."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import typer

from ledger.cli.context import chosen

Progress = Callable[[int, int], None]


@contextlib.contextmanager
def shown(context: typer.Context, doing: str) -> Iterator[Progress | None]:
    """A function to call with (done, all) while the bar lasts; None where nobody looks.

    Args:
        context: of the command; `--quiet` shows no bar.
        doing: what is done, in a word.
    """
    if chosen(context).quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)

        def show(done: int, everything: int) -> None:
            bar.update(task, completed=done, total=everything)

        yield show
