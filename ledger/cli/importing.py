"""`import`: what other programs have kept."""

from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from ledger.cli.context import AsJson, opened, say
from ledger.cli.progress import shown

if TYPE_CHECKING:
    from ledger.exchange.imports.importing import ImportReport

_KINDS = (
    "api_log", "api_data", "skill_log", "skill_data", "usage_tracker", "activity", "llm", "ledger",
)  # fmt: skip
_ON_ERROR = ("skip", "stop")


def _one_of(word: str) -> str:
    """What to do with a bad row.

    Raises:
        typer.BadParameter: it is neither.
    """
    if word not in _ON_ERROR:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(_ON_ERROR)}.")
    return word


def import_(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The file, or the URL of another ledger.")
    ],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="KIND",
            help=f"{', '.join(_KINDS)}; told by the content if left out.",
            autocompletion=lambda: list(_KINDS),
        ),
    ] = None,
    on_error: Annotated[
        str,
        typer.Option(
            metavar="skip|stop",
            help="List bad rows and skip them, or stop before anything is booked.",
            callback=_one_of,
            autocompletion=lambda: list(_ON_ERROR),
        ),
    ] = "skip",
    tz: Annotated[
        str | None,
        typer.Option(help="The zone of times that name none; this machine's if left out."),
    ] = None,
    caller: Annotated[str | None, typer.Option(help="Who made the calls that name nobody.")] = None,
    as_json: AsJson = False,
) -> None:
    """Book the calls and totals that a file has.

    Importing it again changes nothing. Its amounts are graded declared, in a column of their own.

    Example: python -m ledger import usage_tracker_data.json --tz Europe/Warsaw
    """
    with opened(context) as ledger, shown(context, "importing") as progress:
        found = ledger.import_file(
            path,
            kind=kind,
            on_error=cast("Literal['skip', 'stop']", on_error),
            tz=tz,
            caller=caller,
            progress=progress,
        )
    _show(context, found, as_json=as_json)


def _show(context: typer.Context, found: "ImportReport", *, as_json: bool) -> None:
    if as_json:
        from ledger.reports import jsonout

        typer.echo(jsonout.document(found))
        return
    from ledger.cli import sentences

    for line in sentences.bad_rows(found):
        typer.echo(line, err=True)
    say(context, sentences.imported(found))
