"""The books as a FOCUS 1.2 dataset (FinOps Open Cost and Usage Specification), in CSV.

Credits are paid for before they are used. So a purchase has the `BilledCost` and no
`EffectiveCost`, and usage has the `EffectiveCost` and a `BilledCost` of 0: either column adds up
to what was spent, once. A row of usage is a UTC day, caller, model and provider. What a provider
charged to the account's own key there (BYOK) is a row of its own, which somebody else invoices.
What only a file or an operator stated is one too: `x_CostGrade` tells it apart.

Purchases are what the provider's `total_credits` grew by between two `credit_snapshot`s, on the
day when that was seen; the first has all that was bought before.

`InvoiceId` is null: nobody here knows the invoices.

Source: https://focus.finops.org/focus-specification/v1-2/
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger import money
from ledger.books import sql_files
from ledger.books.books import Books
from ledger.exchange import csv_rows
from ledger.exchange.tables import TableExport, write_file
from ledger.openrouter import exact

VIEW = "focus"
_SERVICE = "OpenRouter"
_ACCOUNT = "openrouter"
_CURRENCY = "USD"
_TOKENS, _CREDITS = "Tokens", "Credits"
_NOTHING = Decimal("0.0")
_ROWS_AT_ONCE = 1000


class _Charge(NamedTuple):
    """What differs between rows."""

    day: str
    category: str
    description: str
    billed: Decimal
    effective: Decimal
    listed: Decimal
    quantity: Decimal
    unit: str
    caller: str | None = None
    model: str | None = None
    provider: str | None = None
    issuer: str = _SERVICE
    grade: str | None = None
    requests: int | None = None
    without_cost: int | None = None


COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass",
    "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "InvoiceId",
    "InvoiceIssuerName", "ListCost", "PricingCategory", "PricingQuantity", "PricingUnit",
    "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory",
    "Tags", "x_Caller", "x_CostGrade", "x_Model", "x_Requests", "x_RequestsWithoutCost",
)  # fmt: skip
"""In the order of the alphabet; those with `x_` are ours."""


def pieces(books: Books) -> Iterator[bytes]:
    """The dataset, some rows at a time.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    with books.read() as connection:
        yield from csv_rows.pieces(COLUMNS, _rows(connection))


def file(books: Books, path: Path) -> TableExport:
    """The dataset as a file, replaced in one step.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
        SnapshotFailed: the file can't be written; the old one is whole.
    """
    with books.read() as connection:
        return write_file(VIEW, path, COLUMNS, _rows(connection))


def _rows(connection: Connection) -> Iterator[Sequence[Any]]:
    for charge in _charges(connection):
        yield _row(charge)


def _charges(connection: Connection) -> Iterator[_Charge]:
    yield from _purchases(connection)
    for row in _read(connection, "focus_days"):
        yield from _usage(row._asdict())
    for row in _read(connection, "focus_openings"):
        yield _declared(row._asdict(), "Usage that a file states without its calls")


def _read(connection: Connection, query: str) -> Iterator[Any]:
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE)
    return iter(streamed.execute(sql_files.query(query, connection.dialect.name)))


def _purchases(connection: Connection) -> Iterator[_Charge]:
    """What credits grew by; an account that another key tells less of has bought no less."""
    bought = 0
    for row in _read(connection, "focus_credits"):
        total = int(row.total_credits_pico)
        if total <= bought:
            continue
        amount = _usd(total - bought)
        what = "Credits bought" if bought else "Credits bought before they were first asked for"
        day = row.at[:10]
        yield _Charge(day, "Purchase", what, amount, _NOTHING, amount, amount, _CREDITS)
        bought = total


def _usage(row: dict[str, Any]) -> Iterator[_Charge]:
    """The rows of one day, caller, model and provider: credits, upstream, declared."""
    ours = row["requests"] - row["declared_requests"]
    what = f"{row['model'] or 'Unknown model'} through OpenRouter"
    tokens = _count(row["tokens"])
    if ours:
        cost = _usd(row["cost_pico"])
        yield _Charge(
            row["day"], "Usage", what, _NOTHING, cost, cost, tokens, _TOKENS,
            row["caller"], row["model"], row["provider"],
            grade="recorded", requests=ours, without_cost=row["without_cost"],
        )  # fmt: skip
    if row["upstream_pico"]:
        cost = _usd(row["upstream_pico"])
        yield _Charge(
            row["day"], "Usage", f"{what}, on the account's own key", _NOTHING, cost, cost,
            tokens, _TOKENS, row["caller"], row["model"], row["provider"],
            issuer=row["provider"] or "Unknown provider", grade="byok",
        )  # fmt: skip
    if row["declared_requests"]:
        yield _declared(
            row | {"requests": row["declared_requests"], "tokens": 0 if ours else row["tokens"]},
            f"{what}, as an imported file states it",
        )


def _declared(row: dict[str, Any], what: str) -> _Charge:
    cost = _usd(row["declared_pico"])
    return _Charge(
        row["day"], "Usage", what, _NOTHING, cost, cost, _count(row["tokens"]), _TOKENS,
        row["caller"], row["model"], row["provider"],
        grade="declared", requests=int(row["requests"]),
    )  # fmt: skip


def _row(charge: _Charge) -> Sequence[Any]:
    is_usage = charge.category == "Usage"
    day = dt.date.fromisoformat(charge.day)
    month = day.replace(day=1)
    tags = {"caller": charge.caller} if charge.caller else {}
    values: dict[str, Any] = {
        "BilledCost": charge.billed,
        "BillingAccountId": _ACCOUNT,
        "BillingAccountName": _SERVICE,
        "BillingCurrency": _CURRENCY,
        "BillingPeriodStart": _start(month),
        "BillingPeriodEnd": _start((month + dt.timedelta(days=32)).replace(day=1)),
        "ChargeCategory": charge.category,
        "ChargeDescription": charge.description,
        "ChargeFrequency": "Usage-Based" if is_usage else "One-Time",
        "ChargePeriodStart": _start(day),
        "ChargePeriodEnd": _start(day + dt.timedelta(days=1)),
        "ConsumedQuantity": charge.quantity if is_usage else None,
        "ConsumedUnit": charge.unit if is_usage else None,
        "ContractedCost": charge.listed,
        "EffectiveCost": charge.effective,
        "InvoiceIssuerName": charge.issuer,
        "ListCost": charge.listed,
        "PricingCategory": "Standard",
        "PricingQuantity": charge.quantity,
        "PricingUnit": charge.unit,
        "ProviderName": _SERVICE,
        "PublisherName": charge.provider or _SERVICE,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": _SERVICE,
        "ServiceSubcategory": "Generative AI",
        "Tags": exact.dumps(tags),
        "x_Caller": charge.caller,
        "x_CostGrade": charge.grade,
        "x_Model": charge.model,
        "x_Requests": charge.requests,
        "x_RequestsWithoutCost": charge.without_cost,
    }
    return [values.get(name) for name in COLUMNS]


def _start(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _usd(pico: int) -> Decimal:
    """Exact USD with a decimal at least, so that a column of them is one of decimals."""
    return Decimal(money.usd_text(int(pico)))


def _count(number: int) -> Decimal:
    return Decimal(f"{int(number)}.0")
