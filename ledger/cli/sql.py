"""`sql`: one SELECT over the views, or one of the statements that are shipped."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.context import AsJson, opened

if TYPE_CHECKING:
    from ledger.books.readonly.runner import Answer

_NAME = re.compile(r"[a-z][a-z_]*", re.ASCII)
_MOST_SECONDS, _MOST_ROWS = 3_600, 10_000_000

sql = typer.Typer(rich_markup_mode=None, add_completion=False)


def _values(words: list[str]) -> dict[str, str]:
    """The parameters of a named statement, from `--month 2026-11` or `--month=2026-11`.

    Raises:
        typer.BadParameter: the words are no such pairs.
    """
    found: dict[str, str] = {}
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name:
            raise typer.BadParameter(f"{word!r} is no option; put the statement into quotes.")
        given = value if equals else next(waiting, None)
        if given is None:
            raise typer.BadParameter(f"--{name} has no value.")
        found[name.replace("-", "_")] = given
    return found


def _read(statement: str | None, file: Path | None) -> str:
    """The statement of the command line, of a file, or of stdin.

    Raises:
        typer.BadParameter: there is none, or there are two, or the file can't be read.
    """
    if statement is not None and file is not None:
        raise typer.BadParameter("Give a statement or --file, not both.")
    if file is None:
        if statement is None:
            raise typer.BadParameter("There is no statement; `sql --list` has some to choose from.")
        return statement
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None


@sql.command(
    "sql",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "allow_extra_args": True,
        "ignore_unknown_options": True,
    },
)
def _sql(  # noqa: PLR0913 - one for each argument and option
    context: typer.Context,
    statement: Annotated[
        str | None,
        typer.Argument(metavar="[STATEMENT|NAME]", help="A SELECT in quotes, or a name of --list."),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Read the statement from this file; - is stdin.")
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the statements that are shipped.")
    ] = False,
    timeout: Annotated[
        int, typer.Option(min=1, max=_MOST_SECONDS, help="Seconds that it may run.")
    ] = 30,
    limit: Annotated[
        int, typer.Option(min=1, max=_MOST_ROWS, help="Rows that are shown at most.")
    ] = 10_000,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the books in SQL, without changing them.

    A NAME of --list takes its parameters as options: `sql caller_month --month 2026-11`.

    Example: python -m ledger sql "select caller, usd(sum(total_pico)) from request_status
    group by caller"
    """
    if as_json + as_csv + as_markdown > 1:
        raise typer.BadParameter("Choose one of --json, --csv and --markdown.")
    if listing:
        _print_list(context, as_json=as_json)
        return
    asked, values = _read(statement, file), _values(context.args)
    with opened(context) as ledger:
        if file is None and _NAME.fullmatch(asked):
            found = ledger.ask_named(asked, values, seconds=timeout, rows=limit)
        elif values:
            raise typer.BadParameter(f"No such option: --{next(iter(values))}")
        else:
            found = ledger.sql(asked, seconds=timeout, rows=limit)
    _print(found, as_csv=as_csv, as_markdown=as_markdown, as_json=as_json)


def _print(found: "Answer", *, as_csv: bool, as_markdown: bool, as_json: bool) -> None:
    from ledger.reports import answers, jsonout

    if as_json:
        typer.echo(jsonout.document(answers.as_json(found)))
        return
    if as_csv:
        from ledger.exchange import csv_rows

        names = [csv_rows.harmless(name) for name in found.columns]
        for piece in csv_rows.pieces(names, answers.with_numbers(found)):
            typer.echo(piece, nl=False)
    elif as_markdown:
        typer.echo("\n".join(answers.markdown(found)))
    else:
        answers.table(found)
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)


def _print_list(context: typer.Context, *, as_json: bool) -> None:
    from ledger.reports import answers, jsonout

    with opened(context) as ledger:
        found = ledger.named_statements()
    if as_json:
        typer.echo(jsonout.document(found))
    else:
        typer.echo("\n".join(answers.list_lines(found)))
