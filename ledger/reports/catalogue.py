"""The catalogue for a terminal and as JSON: models, their offers and prices, and what changed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ledger import clock
from ledger.catalogue.changes import Change, changes
from ledger.catalogue.reading import Entry
from ledger.catalogue.sync import SyncReport
from ledger.harmless import harmless
from ledger.reports import prices
from ledger.reports.tables import print_facts, screen

_NOT_SAID = "-"


def models_table(found: Sequence[Entry], *, file: IO[str] | None = None) -> None:
    """Print models with their prices, USD per million tokens."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", overflow="fold", min_width=20)
    for title in ("context", "prompt USD/M", "completion USD/M"):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in found:
        cells = (_count(entry.context_length), *_both_prices(entry))
        table.add_row(Text(harmless(entry.model)), *map(Text, cells))
    screen(file).print(table)
    screen(file).print(Text(f"{len(found)} models."))


def model(entry: Entry, offers: Sequence[Entry], *, file: IO[str] | None = None) -> None:
    """Print all that was listed of a model, and each provider's offer of it."""
    facts = [
        ("model", entry.model),
        ("name", entry.name or _NOT_SAID),
        ("listed so since", clock.to_text(entry.seen_at)),
        ("context", _count(entry.context_length)),
        ("most completion", _count(entry.max_completion_tokens)),
        ("takes", ", ".join(entry.input_kinds) or _NOT_SAID),
        ("answers with", ", ".join(entry.output_kinds) or _NOT_SAID),
        ("parameters", ", ".join(entry.supported_parameters) or _NOT_SAID),
        *([("expires", entry.expires_on)] if entry.expires_on else []),
        *_price_facts(entry),
    ]
    print_facts(facts, file)
    _print_offers(offers, file)


def as_json(entry: Entry) -> dict[str, Any]:
    """A model or offer with the names of the views' columns; a price that nobody knows is null.

    `pricing` has every listed price in USD a unit, with its conditions.
    """
    told: dict[str, Any] = {"model": entry.model}
    if entry.endpoint is not None:
        told |= {"endpoint": entry.endpoint, "provider": entry.provider}
    return told | {
        "name": entry.name,
        "is_listed": entry.is_listed,
        "seen_at": entry.seen_at,
        "context_length": entry.context_length,
        "max_completion_tokens": entry.max_completion_tokens,
        "max_prompt_tokens": entry.max_prompt_tokens,
        "input_kinds": entry.input_kinds,
        "output_kinds": entry.output_kinds,
        "supported_parameters": entry.supported_parameters,
        "quantization": entry.quantization,
        "expires_on": entry.expires_on,
        "is_free": entry.pricing.is_free,
        "prompt_price": entry.price("prompt"),
        "completion_price": entry.price("completion"),
        "request_price": entry.price("request"),
        "pricing": entry.pricing,
    }


def sync_lines(found: SyncReport) -> str:
    """What a look found, and each model whose offers could not be had."""
    told = f"{found.models} models, {found.changed_models} changed; offers of {found.looked_at}"
    lines = [f"{told} looked at, {found.changed_endpoints} changed."]
    lines += [f"not looked at: {each.model}: {each.reason}" for each in found.failed]
    return "\n".join(map(harmless, lines))


def history_lines(found: Iterable[Entry]) -> Iterator[str]:
    """Each listing as what it changed, with the time at which it was seen."""
    newest: dict[str, Entry] = {}
    for entry in found:
        key = entry.endpoint or ""
        before = [newest[key]] if key in newest and newest[key].is_listed else []
        after = [entry] if entry.is_listed else []
        for change in changes(before, after):
            yield f"{clock.to_text(entry.seen_at)[:19]}Z  {change_line(change)}"
        newest[key] = entry


def change_line(change: Change) -> str:
    """A change in one line: whose, what, before and after."""
    whose = change.model if change.endpoint is None else f"{change.model} by {change.endpoint}"
    told = "; ".join(
        f"{name} {prices.said(old)} -> {prices.said(new)}" for name, old, new in change.fields
    )
    return harmless(f"{whose}: {change.kind}{': ' if told else ''}{told}")


def change_as_json(change: Change) -> dict[str, Any]:
    """A change with its fields by name."""
    fields = [{"name": name, "before": old, "after": new} for name, old, new in change.fields]
    return {
        "model": change.model,
        "endpoint": change.endpoint,
        "kind": change.kind,
        "fields": fields,
    }


def _print_offers(offers: Sequence[Entry], file: IO[str] | None) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("offer", overflow="fold", min_width=10)
    for title in ("context", "most completion", "prompt USD/M", "completion USD/M"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("otherwise", overflow="fold")
    for offer in offers:
        cells = (
            offer.endpoint or "",
            _count(offer.context_length),
            _count(offer.max_completion_tokens),
            *_both_prices(offer),
            "; ".join(f"{name} {text}" for name, text in _conditional(offer)),
        )
        table.add_row(*(Text(harmless(cell)) for cell in cells))
    screen(file).print(table)
    screen(file).print(Text(f"{len(offers)} offers."))


def _price_facts(entry: Entry) -> list[tuple[str, str]]:
    """Every price, the usual one first; each with its unit."""
    return [(kind, prices.priced(kind, price)) for kind, price in entry.pricing.base.items()] + [
        *_conditional(entry)
    ]


def _conditional(entry: Entry) -> list[tuple[str, str]]:
    """The prices under conditions, and a discount."""
    found = [
        (prices.condition(override), prices.all_of(override.prices))
        for override in entry.pricing.overrides
    ]
    if entry.pricing.discount:
        found.append(("discount", f"{entry.pricing.discount:f} of every price"))
    return found


def _both_prices(entry: Entry) -> tuple[str, str]:
    """Prompt and completion, per million tokens."""
    return prices.per_million(entry.per_million("prompt")), prices.per_million(
        entry.per_million("completion")
    )


def _count(tokens: int | None) -> str:
    return _NOT_SAID if tokens is None else str(tokens)
