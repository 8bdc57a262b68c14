"""The columns of a usage report for people: what each is called, and what says it in words."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from ledger.reports.usage.report import Report, ReportRow


@dataclass(frozen=True, slots=True)
class Figure:
    """A column; those with the lowest rank go first where a screen is too narrow."""

    title: str
    rank: int
    cell: Callable[[ReportRow], str]


def _count(title: str, rank: int, *names: str) -> Figure:
    """A column that adds up integer columns."""
    return Figure(title, rank, lambda row: str(sum(getattr(row, name) for name in names)))


def _amount(title: str, rank: int, name: str) -> Figure:
    """A column of exact USD text."""
    return Figure(title, rank, lambda row: str(getattr(row, f"{name}_usd")))


_REQUESTS = _count("requests", 19, "requests")
_TOTAL = _amount("total USD", 19, "total")
_MAIN = (
    _REQUESTS,
    _count("failed", 10, "failed", "cancelled", "interrupted"),
    _count("prompt tokens", 3, "prompt_tokens"),
    _count("completion tokens", 3, "completion_tokens"),
)
_SETTLED = _amount("settled USD", 7, "settled")
_REPORTED = _amount("reported USD", 6, "reported")
_CREDITS = _amount("credits USD", 15, "cost")
_UPSTREAM = _amount("upstream USD", 14, "upstream")
_DECLARED = _amount("declared USD", 16, "declared")
_OPEN_GRADES = (
    (_count("pending", 12, "pending_requests"), "pending_requests"),
    (_count("unknown", 12, "unknown_requests"), "unknown_requests"),
    (_count("unpriced", 12, "unpriced_requests"), "unpriced_requests"),
)
_OWN = (
    Figure("own requests", 8, lambda row: str(row.own_requests or 0)),
    Figure("own USD", 17, lambda row: row.own_total_usd or "0.0"),
)
HIGHEST_RANK = _TOTAL.rank


def figures(report: Report) -> list[Figure]:
    """The columns of a report: what is 0 everywhere has none."""
    totals = report.totals
    spent = [_CREDITS, _UPSTREAM] if totals.upstream_pico else []
    return [
        *_MAIN,
        *(figure for figure, name in _OPEN_GRADES if getattr(totals, name)),
        _SETTLED,
        *([_REPORTED] if totals.reported_pico else []),
        *([_DECLARED] if totals.declared_pico else []),
        *spent,
        _TOTAL,
        *(_OWN if "member" in report.question.by else ()),
    ]


def grades(totals: ReportRow) -> tuple[str, str]:
    """Two lines: what the total is made of, and what it does not have yet."""
    known = (
        f"Settled: {totals.settled_usd} USD{_share(totals.settled_pico, totals.total_pico)},"
        f" reported: {totals.reported_usd}{_share(totals.reported_pico, totals.total_pico)};"
        f" credits: {totals.cost_usd}, upstream: {totals.upstream_usd}"
    )
    if totals.declared_pico or totals.declared_requests:
        known += f"; declared, in none of these: {totals.declared_usd}"
    waiting = (
        f"Cost pending: {totals.pending_requests}, unknown: {totals.unknown_requests}, unpriced:"
        f" {totals.unpriced_requests}; requests still open: {totals.open_requests}"
    )
    return f"{known}.", f"{waiting}."


def _share(part: int, whole: int) -> str:
    """A part as per cent, cut and never rounded up: 100 % is all of it."""
    if not whole:
        return ""
    share = (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_DOWN)
    return f" ({share} %)"


def short(name: str, length: int) -> str:
    """A name of at most some characters."""
    return name if len(name) <= length else f"{name[: length - 3]}..."
