"""`models`: what the provider offers, now and as the ledger has seen it over time."""

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ledger.cli.context import AsJson, opened, say
from ledger.cli.moments import FORMS, moment
from ledger.cli.progress import shown

if TYPE_CHECKING:
    from ledger.catalogue.choosing import Wanted

_HELP = """List models, and their prices over time.

Example: python -m ledger models list --free
"""
_WEEK = "7d"
models = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)


def _price(text: str) -> Decimal:
    """An exact amount.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise typer.BadParameter(f"{text!r} is no price in USD.")
    return amount


_At: TypeAlias = Annotated[
    dt.datetime | None,
    typer.Option("--at", parser=moment, metavar="TIME", help=f"As booked then: {FORMS}."),
]
_Model: TypeAlias = Annotated[str, typer.Argument(metavar="MODEL", help="A model's slug.")]
_MaxPrice: TypeAlias = Annotated[
    Decimal | None, typer.Option(parser=_price, metavar="USD", help="A million tokens, at most.")
]


@models.command("sync")
def synced(
    context: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Look at the offers of these only."),
    ] = None,
    *,
    endpoints: Annotated[
        bool, typer.Option(help="Look at each model's offers, a request a model.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Book the models and offers that the provider lists now.

    A row is booked only where something changed since the last look. A model whose offers could
    not be had is named; the others are booked all the same.

    Example: python -m ledger models sync
    """
    with opened(context) as ledger, shown(context, "looking") as progress:
        found = ledger.sync_models(only or (), endpoints=endpoints, progress=progress)
    from ledger.reports import catalogue, jsonout

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        say(context, catalogue.sync_lines(found))


@models.command("list")
def listed(  # noqa: PLR0913 - one for each argument and option
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Part of a slug or name.")] = "",
    *,
    free: Annotated[
        bool, typer.Option("--free", help="Only those whose prompts and answers cost nothing.")
    ] = False,
    max_prompt_price: _MaxPrice = None,
    max_completion_price: _MaxPrice = None,
    min_context: Annotated[
        int | None, typer.Option(min=1, help="Tokens that fit in, at least.")
    ] = None,
    takes: Annotated[
        list[str] | None, typer.Option("--input", help="Takes text, image, file, audio, video.")
    ] = None,
    makes: Annotated[
        list[str] | None, typer.Option("--output", help="Answers with text, image, audio, ...")
    ] = None,
    supports: Annotated[
        list[str] | None, typer.Option(help="A parameter it takes: tools, reasoning, seed, ...")
    ] = None,
    booked: Annotated[
        bool, typer.Option("--booked", help="As the ledger saw them last; asks nobody.")
    ] = False,
    at: _At = None,
    as_json: AsJson = False,
) -> None:
    """List the models on offer now, with their prices.

    The provider is asked; nothing is stored, and no key is needed. With --booked or --at the
    ledger's own looks (`models sync`) answer.

    Example: python -m ledger models list --free
    """
    from ledger.catalogue.choosing import Wanted

    wanted = Wanted(
        text=text,
        free=free,
        max_prompt_price=max_prompt_price,
        max_completion_price=max_completion_price,
        min_context_length=min_context,
        input_kinds=frozenset(takes or ()),
        output_kinds=frozenset(makes or ()),
        supported_parameters=frozenset(supports or ()),
    )
    _print_list(context, wanted, at, booked=booked or at is not None, as_json=as_json)


def _print_list(
    context: typer.Context,
    wanted: "Wanted",
    at: dt.datetime | None,
    *,
    booked: bool,
    as_json: bool,
) -> None:
    with opened(context) as ledger:
        found = ledger.booked_models(wanted, at) if booked else ledger.listed_models(wanted)
    from ledger.reports import catalogue, jsonout

    if as_json:
        typer.echo(jsonout.document([catalogue.as_json(entry) for entry in found]))
    else:
        catalogue.models_table(found)


@models.command("show")
def show(context: typer.Context, model: _Model, *, at: _At = None, as_json: AsJson = False) -> None:
    """Show a booked model: all of its prices, and each provider's offer.

    Example: python -m ledger models show openai/gpt-4o-mini
    """
    with opened(context) as ledger:
        entry, of_it = ledger.booked_model(model, at)
    from ledger.reports import catalogue, jsonout

    if as_json:
        both = catalogue.as_json(entry) | {"offers": [catalogue.as_json(each) for each in of_it]}
        typer.echo(jsonout.document(both))
    else:
        catalogue.model(entry, of_it)


@models.command("history")
def history(context: typer.Context, model: _Model, *, as_json: AsJson = False) -> None:
    """Tell what was booked of a model and its offers, oldest first.

    Example: python -m ledger models history openai/gpt-4o-mini
    """
    with opened(context) as ledger:
        found = ledger.model_history(model)
    from ledger.reports import catalogue, jsonout

    if as_json:
        typer.echo(jsonout.document([catalogue.as_json(entry) for entry in found]))
    else:
        typer.echo("\n".join(catalogue.history_lines(found)))


@models.command("diff")
def diff(
    context: typer.Context,
    *,
    since: Annotated[
        dt.datetime | None,
        typer.Option(parser=moment, metavar="TIME", help=f"From then, 7d if left out: {FORMS}."),
    ] = None,
    until: Annotated[
        dt.datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="To then; now if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what changed in models, offers and prices between two times.

    Example: python -m ledger models diff --since 2026-11-01
    """
    with opened(context) as ledger:
        found = ledger.model_changes(since or moment(_WEEK), until)
    from ledger.reports import catalogue, jsonout

    if as_json:
        typer.echo(jsonout.document([catalogue.change_as_json(change) for change in found]))
    else:
        typer.echo("\n".join(map(catalogue.change_line, found)) or "Nothing changed.")
