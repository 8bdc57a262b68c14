"""`adopt`: which calls of existing code are not on the books."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.context import AsJson

if TYPE_CHECKING:
    from ledger.adoption.scan import Report


def adopt(
    path: Annotated[Path, typer.Argument(help="A Python file, or a folder with all below it.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 where there is one, for CI.")
    ] = False,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Another host or base URL whose calls belong on the books; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List LLM calls that are not on the books.

    Of a source, each with its file, its line and the one-line change that puts it there; nothing
    of it is run. A
    comment `# ledger: ignore` in a call's line takes it off the list.

    Example: python -m ledger adopt src --check
    """
    from ledger.adoption.scan import scan

    found = scan(path, host or ())
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document(found))
    else:
        _print(found)
    raise typer.Exit(1 if check and not found.is_clean else 0)


def _print(found: "Report") -> None:
    """A paragraph a call, and the sum."""
    from ledger.reports.terminal import harmless

    for call in found.calls:
        typer.echo(harmless(f"{call.file}:{call.line}: {call.call}: {call.why}"))
        typer.echo(harmless(f"    {call.change}"))
    for file in found.unreadable:
        typer.echo(harmless(f"{file}: no Python that can be read"))
    typer.echo(_sentence(found))


def _sentence(found: "Report") -> str:
    """The sum, and what the changes need."""
    read = f"{found.files} file{'s' if found.files != 1 else ''} read"
    if found.is_clean:
        return f"{read}: every LLM call is on the books."
    number = len(found.calls)
    calls = f"{number} LLM call{'s are' if number != 1 else ' is'} not on the books"
    needs = "; each change needs `import ledger`" if number else ""
    return f"{read}: {calls}{needs}."
