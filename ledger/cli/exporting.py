"""`export`: the JSON files, or a view in another format."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

import typer

from ledger.cli.context import AsJson, opened, say, stream

if TYPE_CHECKING:
    from ledger.exchange.otel import Names
    from ledger.exchange.tables import TableExport

_JSON = "json"
_FOCUS, _PARQUET = "focus", "parquet"
_BOOKS = "books"
_NAMES = (_BOOKS, "otel")
_REQUESTS = "request_status"


class Wanted(NamedTuple):
    """The options of one export, beside its format."""

    view: str | None
    to: Path | None
    every: bool
    as_json: bool
    names: str


def _format(word: str) -> str:
    """One of the formats.

    Raises:
        typer.BadParameter: it is none.
    """
    if word not in _FORMATS:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(_FORMATS)}.")
    return word


def _formats() -> list[str]:
    return list(_FORMATS)


def _names(word: str) -> str:
    """Whose names.

    Raises:
        typer.BadParameter: nobody's.
    """
    if word not in _NAMES:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(_NAMES)}.")
    return word


def export(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="json|csv|parquet|focus",
            help="json: the files of the home and of callers. csv, parquet: one view."
            " focus: a bill in FOCUS 1.2.",
            callback=_format,
            autocompletion=_formats,
        ),
    ] = _JSON,
    view: Annotated[
        str | None, typer.Option(help="The view, for csv and parquet; request_status if left out.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The file to write, if not json; stdout if left out.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Write every log entry, not only the last 1,000.")
    ] = False,
    names: Annotated[
        str,
        typer.Option(
            metavar="books|otel",
            help="otel: as OpenTelemetry calls the columns, where it does.",
            callback=_names,
            autocompletion=lambda: list(_NAMES),
        ),
    ] = _BOOKS,
    as_json: AsJson = False,
) -> None:
    """Write the JSON files, a view, or a bill.

    The files are those of the home and of every caller's folder, as far as they have changed. As
    CSV, text that a spreadsheet would take for a formula gets an apostrophe before it.

    Example: python -m ledger export --format csv --view caller_usage --to usage.csv
    """
    wanted = Wanted(view, to, every, as_json, names)
    _check_options(form, wanted)
    _FORMATS[form](context, wanted)


def _check_options(form: str, wanted: Wanted) -> None:
    """Refuse options that mean nothing together.

    Raises:
        typer.BadParameter: which two.
    """
    if form in (_JSON, _FOCUS) and wanted.names != _BOOKS:
        raise typer.BadParameter("--names goes with --format csv or parquet.")
    if form == _PARQUET and wanted.to is None:
        raise typer.BadParameter("parquet is a file: name it with --to.")
    if form == _FOCUS and wanted.view:
        raise typer.BadParameter("--view goes with --format csv: focus is a form of its own.")
    if form == _JSON and (wanted.view or wanted.to):
        option = "--view" if wanted.view else "--to"
        raise typer.BadParameter(f"{option} goes with --format csv: the JSON files have places.")
    if form != _JSON and wanted.every:
        raise typer.BadParameter(f"--all goes with the JSON files; {form} has every row.")
    if form != _JSON and wanted.as_json and wanted.to is None:
        raise typer.BadParameter("--json says what was written: name the file with --to.")


def _json_files(context: typer.Context, wanted: Wanted) -> None:
    with opened(context) as ledger:
        found = ledger.export(every_entry=wanted.every)
    from ledger.cli import sentences
    from ledger.reports import jsonout

    if wanted.as_json:
        typer.echo(jsonout.document(found))
    else:
        say(context, sentences.files(found))


def _csv(context: typer.Context, wanted: Wanted) -> None:
    view = wanted.view or _REQUESTS
    with opened(context) as ledger:
        if wanted.to is None:
            stream(ledger.csv(view, names=_named(wanted)))
            return
        made = ledger.export_csv(wanted.to, view, names=_named(wanted))
    _say_made(context, made, as_json=wanted.as_json)


def _parquet(context: typer.Context, wanted: Wanted) -> None:
    assert wanted.to is not None
    with opened(context) as ledger:
        view = wanted.view or _REQUESTS
        made = ledger.export_parquet(wanted.to, view, names=_named(wanted))
    _say_made(context, made, as_json=wanted.as_json)


def _named(wanted: Wanted) -> "Names":
    return cast("Names", wanted.names)


def _focus(context: typer.Context, wanted: Wanted) -> None:
    with opened(context) as ledger:
        if wanted.to is None:
            stream(ledger.focus())
            return
        made = ledger.export_focus(wanted.to)
    _say_made(context, made, as_json=wanted.as_json)


def _say_made(context: typer.Context, made: "TableExport", *, as_json: bool) -> None:
    from ledger.reports import jsonout

    if as_json:
        typer.echo(jsonout.document(made))
    else:
        say(context, f"{made.path}: {made.rows} rows of {made.view}")


_FORMATS: dict[str, Callable[[typer.Context, Wanted], None]] = {
    _JSON: _json_files,
    "csv": _csv,
    _PARQUET: _parquet,
    _FOCUS: _focus,
}
