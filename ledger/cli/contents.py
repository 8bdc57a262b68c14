"""`logs` and `purge`: what was asked and answered, where the user has it stored."""

from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.context import AsJson, opened, say

if TYPE_CHECKING:
    from ledger.reports.contents import StoredMessage


def logs(  # noqa: PLR0913 - one for each argument and option
    context: typer.Context,
    search: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="Only what holds all of these words.")
    ] = None,
    *,
    last: Annotated[
        bool, typer.Option("--conversation", "-c", help="All of the last conversation.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    caller: Annotated[str | None, typer.Option(help="Only those of this caller.")] = None,
    as_json: AsJson = False,
) -> None:
    """List or search what was asked and answered.

    There is something only where store_messages or store_answers is switched on.

    Example: python -m ledger logs "garden shed" -n 50
    """
    if last and search is not None:
        raise typer.BadParameter("-c shows a whole conversation: leave the words out.")
    with opened(context) as ledger:
        found = (
            ledger.last_conversation(caller)
            if last
            else ledger.logs(limit=limit, caller=caller, search=search)
        )
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document({"messages": found}))
        return
    if not found:
        say(context, "No content is stored, or none that is asked for.")
    for row in found:
        typer.echo(_shown(row))


def purge(
    context: typer.Context,
    *,
    older_than: Annotated[
        int | None,
        typer.Option(min=0, help="Days; store_days of openrouter_config.json if left out."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all of it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove stored messages and answers for good.

    The database file is written anew, so that no byte of them is left in it. Backups that were
    made before keep theirs.

    Example: python -m ledger purge --older-than 30 --dry-run
    """
    with opened(context) as ledger:
        done = ledger.purge(older_than=older_than, everything=everything, dry_run=dry_run)
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document(done))
        return
    say(context, f"{'would be removed' if done.dry_run else 'removed'}: {done.rows}")
    say(context, f"left: {done.left}")
    if not done.dry_run and not done.is_clean:
        say(context, "A reader was in the way, so the file may hold old bytes: purge again later.")


def _shown(row: "StoredMessage") -> str:
    """A message with its heading, harmless for a terminal."""
    from ledger import clock
    from ledger.harmless import harmless, harmless_lines

    who = f"{row.caller or '(none)'}, {row.model or '(no model)'}"
    head = f"{clock.to_text(row.at)[:19]}Z  {row.role or row.kind}  [{who}]"
    return f"{harmless(head)}\n{harmless_lines(row.text)}\n"
