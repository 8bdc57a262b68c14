"""What the provider says of credits and models, for a terminal."""

from collections.abc import Sequence
from decimal import Decimal
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ledger.account.credits import Credits
from ledger.harmless import harmless
from ledger.openrouter.records import ModelRecord
from ledger.reports.account import amount, key_facts
from ledger.reports.tables import print_facts, screen

_PER_MILLION = 1_000_000


def account_credits(found: Credits, *, file: IO[str] | None = None) -> None:
    """Print the credits, or what is known where they are not told."""
    facts = [
        ("purchased USD", amount(found.purchased_usd)),
        ("used USD", amount(found.used_usd)),
        ("remaining USD", amount(found.remaining_usd)),
        *(key_facts(found.key) if found.key else ()),
    ]
    print_facts(facts, file)
    if found.note is not None:
        screen(file).print(Text(found.note))


def models_table(found: Sequence[ModelRecord], *, file: IO[str] | None = None) -> None:
    """Print models with their prices, USD per million tokens."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", overflow="fold", min_width=20)
    for title in ("context", "prompt USD/M", "completion USD/M"):
        table.add_column(title, justify="right", no_wrap=True)
    for model in found:
        context = "-" if model.context_length is None else str(model.context_length)
        prices = (_price(model.prompt_price), _price(model.completion_price))
        table.add_row(Text(harmless(model.id)), Text(context), *map(Text, prices))
    screen(file).print(table)
    screen(file).print(Text(f"{len(found)} models."))


def _price(per_token: Decimal | None) -> str:
    """A price per million tokens, exact and without needless zeros."""
    if per_token is None:
        return "varies"
    text = f"{per_token * _PER_MILLION:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
