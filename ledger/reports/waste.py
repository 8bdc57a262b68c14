"""Paid for nothing: what was cut, came empty, broke and was billed all the same, or asked again."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from ledger import clock, money
from ledger.books import sql_files
from ledger.books.books import Books
from ledger.openrouter import billable
from ledger.reports.rows import ViewRow
from ledger.reports.usage import conditions, periods, zones
from ledger.reports.usage.periods import Word

KINDS = {
    "failed": "failed, cancelled or interrupted, and billed",
    "empty": "answered with nothing",
    "cut": "cut at a limit of tokens",
    "repeated": "the same messages to the same model as the call before",
}
"""A request is of the first of these that fits."""

_TEXTS = (billable.CHAT, billable.COMPLETIONS, billable.RESPONSES, billable.MESSAGES)
_TEXT_ENDPOINTS = ", ".join(f"'{service.name}'" for service in _TEXTS)


class WasteUsage(ViewRow):
    """What one caller paid one model for nothing, in one way.

    Attributes:
        kind: one of `KINDS`.
        total_pico: what these requests cost.
        last_at: when the last of them started.
    """

    kind: str
    caller: str | None
    model: str | None
    requests: int
    total_pico: int
    total_usd: str
    last_at: dt.datetime


def waste(
    books: Books,
    *,
    caller: str | None = None,
    since: Word | None = None,
    until: Word | None = None,
    tz: str = "UTC",
) -> list[WasteUsage]:
    """What was paid for nothing, the most first.

    Raises:
        QuestionInvalid: a time or zone that is none.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    zone = zones.zone(tz)
    chosen, values = conditions.of(periods.period(since, until, zone), caller)
    with books.read() as connection:
        body = sql_files.load("reports", connection.dialect.name)["waste"].body
        query = text(body.format(conditions=chosen, text_endpoints=_TEXT_ENDPOINTS))
        rows = [row._asdict() for row in connection.execute(query, values)]
    return [
        WasteUsage.model_validate({**row, "total_usd": money.usd_text(row["total_pico"])})
        for row in rows
    ]


COLUMNS = ("wasted", "caller", "model", "requests", "total USD", "last")


def cells(found: Sequence[WasteUsage]) -> list[tuple[str, ...]]:
    """The rows in words, in the order of `COLUMNS`."""
    return [
        (
            each.kind,
            each.caller or "(none)",
            each.model or "(none)",
            str(each.requests),
            each.total_usd,
            clock.to_text(each.last_at)[:16].replace("T", " "),
        )
        for each in found
    ]


class _Sum(NamedTuple):
    requests: int
    pico: int


def lines(found: Sequence[WasteUsage]) -> tuple[str, ...]:
    """What it came to by kind, and what the kinds are."""
    sums = {kind: _sum([each for each in found if each.kind == kind]) for kind in KINDS}
    whole = _sum(found)
    return (
        f"Paid for nothing: {money.usd_text(whole.pico)} USD in {whole.requests} requests.",
        *(
            f"{kind}: {money.usd_text(each.pico)} USD in {each.requests} requests, {KINDS[kind]}."
            for kind, each in sums.items()
            if each.requests
        ),
    )


def _sum(found: Sequence[WasteUsage]) -> _Sum:
    return _Sum(sum(each.requests for each in found), sum(each.total_pico for each in found))
