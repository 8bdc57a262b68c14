"""`backup` and `upgrade`: the database as a whole."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.context import AsJson, opened, say


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to make; it must not exist.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Copy the ledger in use, and verify the copy.

    Example: python -m ledger backup ~/ledger-backup.db
    """
    with opened(context) as ledger:
        made = ledger.backup(file)
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document(made))
    else:
        say(context, f"{made.path}: {made.size} bytes, {made.requests or 0} requests, verified")


def upgrade(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Bring the ledger to the newest schema.

    A verified backup is made first.

    Example: python -m ledger upgrade
    """
    with opened(context) as ledger:
        done = ledger.upgrade()
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document(done))
        return
    say(context, f"from: {done.before or 'no ledger'}")
    say(context, f"to: {done.after}{' (nothing to do)' if done.before == done.after else ''}")
    say(context, f"backup: {done.backup or 'none needed'}")
