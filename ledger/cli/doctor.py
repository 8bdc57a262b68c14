"""`doctor`: what is well, what is not, and its cure."""

from typing import Annotated

import typer

from ledger.cli.context import AsJson, chosen, opened

_FAILED = 1


def doctor(
    context: typer.Context,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: the clock is compared with the books.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Examine the ledger, and say how to cure it.

    Engine, disk, permissions, key, clock, what is pending, and whether the books and the files
    are whole. Nothing is changed. Exit code 1 where something fails.

    Example: python -m ledger doctor
    """
    with opened(context) as ledger:
        found = ledger.doctor(offline=offline)
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document(found))
    else:
        for finding in found.findings:
            if finding.level != "ok" or not chosen(context).quiet:
                _show(finding.level, finding.check, finding.says, finding.cure)
    if found.worst == "fail":
        raise typer.Exit(_FAILED)


def _show(level: str, check: str, says: str, cure: str) -> None:
    from ledger.harmless import harmless

    typer.echo(harmless(f"{level:<5} {check}: {says}"))
    if cure:
        typer.echo(harmless(f"      {'next' if level == 'ok' else 'cure'}: {cure}"))
