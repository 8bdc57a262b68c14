"""What calls cost by commit of the program that made them: whether a change made them dearer."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from ledger import money
from ledger.books import sql_files
from ledger.books.books import Books
from ledger.reports.rows import ViewRow
from ledger.reports.usage import conditions, periods, zones
from ledger.reports.usage.periods import Word


class CommitUsage(ViewRow):
    """The calls that programs of one commit made.

    Attributes:
        git_commit: of the checkout that the program ran from; None where it was in none.
        first_at: when the first of its calls started; `last_at` the last.
        known_requests: those whose cost is known; `cost_per_call_*` is the mean of them.
        cost_per_call_pico: in whole picodollars; None where no cost is known.
        prompt_tokens_per_call: the mean over all calls, to a tenth; as the completion's.
    """

    git_commit: str | None
    first_at: dt.datetime
    last_at: dt.datetime
    requests: int
    known_requests: int
    pending_requests: int
    unknown_requests: int
    prompt_tokens: int
    completion_tokens: int
    total_pico: int
    total_usd: str
    cost_per_call_pico: int | None
    cost_per_call_usd: str | None
    prompt_tokens_per_call: Decimal
    completion_tokens_per_call: Decimal


def commits(
    books: Books,
    *,
    caller: str | None = None,
    since: Word | None = None,
    until: Word | None = None,
    tz: str = "UTC",
) -> list[CommitUsage]:
    """What calls came to by commit, in the order in which these were first used.

    Raises:
        QuestionInvalid: a time or zone that is none.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    zone = zones.zone(tz)
    chosen, values = conditions.of(periods.period(since, until, zone), caller)
    with books.read() as connection:
        body = sql_files.load("reports", connection.dialect.name)["commits"].body
        query = text(body.format(conditions=chosen))
        return [_row(row._asdict()) for row in connection.execute(query, values)]


def _row(found: dict[str, Any]) -> CommitUsage:
    known, total = int(found["known_requests"]), int(found["total_pico"])
    mean = round(Decimal(total) / known) if known else None
    return CommitUsage.model_validate(
        {
            **found,
            "total_usd": money.usd_text(total),
            "cost_per_call_pico": mean,
            "cost_per_call_usd": None if mean is None else money.usd_text(mean),
            "prompt_tokens_per_call": _mean(found["prompt_tokens"], found["requests"]),
            "completion_tokens_per_call": _mean(found["completion_tokens"], found["requests"]),
        }
    )


def _mean(whole: int, number: int) -> Decimal:
    return (Decimal(int(whole)) / int(number)).quantize(Decimal("0.1"))


COLUMNS = (
    "commit",
    "first call",
    "requests",
    "not known",
    "cost/call USD",
    "change",
    "prompt/call",
    "completion/call",
    "total USD",
)


def cells(found: Sequence[CommitUsage]) -> list[tuple[str, ...]]:
    """The rows in words, in the order of `COLUMNS`; the change is that on the commit before."""
    before: int | None = None
    lines: list[tuple[str, ...]] = []
    for each in found:
        cost = each.cost_per_call_pico
        change = f"{Decimal(100 * (cost - before)) / before:+.1f} %" if cost and before else "-"
        before = cost or before
        lines.append(
            (
                each.git_commit[:12] if each.git_commit else "(none)",
                f"{each.first_at:%Y-%m-%d %H:%M}",
                str(each.requests),
                str(each.requests - each.known_requests),
                each.cost_per_call_usd or "unknown",
                change,
                f"{each.prompt_tokens_per_call:f}",
                f"{each.completion_tokens_per_call:f}",
                each.total_usd,
            )
        )
    return lines
