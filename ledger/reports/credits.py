"""What the provider says of credits, for a terminal."""

from typing import IO

from rich.text import Text

from ledger.account.credits import Credits
from ledger.reports.account import amount, key_facts
from ledger.reports.tables import print_facts, screen


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
