"""`/analytics/meta` and `/analytics/query`: sums of generations by whatever is asked for.

As the provider has it: counts come as text, costs as numbers of six decimals, what a row has no
value for as null; keys and models are filtered by id and shown by name.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ledger.sandbox import costs, failures
from ledger.sandbox.failures import Failure
from ledger.sandbox.listings import PERMASLUG_DATE
from ledger.sandbox.literals import Literal
from ledger.sandbox.plans import BadScript
from ledger.sandbox.seen import Generation
from ledger.sandbox.state import State

Items = Sequence[Generation]
_STEP = Decimal("0.000001")
_RANGE_DAYS, _LONGEST_DAYS, _DETAIL_DAYS = 7, 365, 31
_ROWS, _MOST_ROWS, _MOST_FILTERS, _MOST_DIMENSIONS = 1000, 10_000, 20, 2
_DETAILS = {"provider", "generation_id"}
GRANULARITIES = ("minute", "hour", "day", "week", "month")
OPERATORS = ("eq", "neq", "in", "not_in", "gt", "gte", "lt", "lte")


def _money(of: Callable[[Generation], Decimal]) -> Callable[[Items], Any]:
    """A metric in USD."""

    def total(items: Items) -> Literal:
        exact = sum((of(item) for item in items), costs.ZERO)
        return Literal(costs.literal_of(exact.quantize(_STEP, ROUND_HALF_EVEN)))

    return total


def _number(of: Callable[[Generation], int]) -> Callable[[Items], Any]:
    """A metric that counts."""
    return lambda items: str(sum(of(item) for item in items))


METRICS: dict[str, Callable[[Items], Any]] = {
    "request_count": _number(lambda _item: 1),
    "total_usage": _money(lambda item: item.call.charged + item.call.upstream),
    "credits_usage": _money(lambda item: item.call.charged),
    "byok_usage": _money(lambda item: item.call.upstream),
    "byok_fees": _money(lambda item: item.call.charged if item.plan.is_byok else costs.ZERO),
    "tokens_total": _number(lambda item: sum(item.counts.tokens)),
    "tokens_prompt": _number(lambda item: item.counts.prompt),
    "tokens_completion": _number(lambda item: item.counts.completion),
    "reasoning_tokens": _number(lambda item: item.counts.reasoning),
    "cached_tokens": _number(lambda item: item.counts.cached),
}
DIMENSIONS: dict[str, Callable[[Generation], str | None]] = {
    "model": lambda item: item.model.partition(":")[0] + PERMASLUG_DATE,
    "provider": lambda item: item.offer.provider,
    "generation_id": lambda item: item.call.generation_id,
    "external_user": lambda item: _text(item.call.params.get("user")),
    "session_id": lambda item: _text(item.call.params.get("session_id")),
    "api_key_id": lambda item: item.call.key_hash,
    "origin": lambda item: item.call.headers.get("http-referer"),
    "user": lambda _item: failures.USER_ID,
    "workspace": lambda _item: "Default",
    "app": lambda item: item.call.headers.get("x-title"),
}


def _text(value: Any) -> str | None:
    """A member of the request, where it is text."""
    return value if isinstance(value, str) else None


def meta() -> dict[str, Any]:
    """What can be asked for."""
    money = {name for name in METRICS if "usage" in name or "fees" in name}
    return {
        "data": {
            "metrics": [
                {
                    **_labelled(name),
                    "display_format": "currency" if name in money else "number",
                    "is_rate": False,
                }
                for name in METRICS
            ],
            "dimensions": [_labelled(name) for name in DIMENSIONS],
            "granularities": [_labelled(name) for name in GRANULARITIES],
            "operators": [
                {"name": name, "value_type": "array" if "in" in name else "scalar"}
                for name in OPERATORS
            ],
        },
    }


def _labelled(name: str) -> dict[str, Any]:
    """A name and how it is shown."""
    return {"name": name, "display_label": name.replace("_", " ").title()}


def query(state: State, body: dict[str, Any]) -> Failure | dict[str, Any]:
    """The rows that are asked for."""
    try:
        rows = _rows(state, body)
        limit = _limit(body)
    except BadScript as error:
        return failures.plain(400, str(error))
    counted = {"query_time_ms": 1, "row_count": min(len(rows), limit)}
    return {
        "data": {
            "data": rows[:limit],
            "metadata": {**counted, "truncated": len(rows) > limit},
            "warnings": [],
            "cachedAt": int(state.now().timestamp() * 1000),
        },
    }


def _rows(state: State, body: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows, in order.

    Raises:
        BadScript: the question makes no sense.
    """
    metrics = _known(body.get("metrics"), METRICS, "metrics")
    if not metrics:
        raise BadScript("metrics: at least one is required")
    dimensions = _known(body.get("dimensions") or [], DIMENSIONS, "dimensions")
    granularity = body.get("granularity")
    if granularity not in (None, *GRANULARITIES) or len(dimensions) > _MOST_DIMENSIONS:
        raise BadScript("granularity is unknown, or there are more than 2 dimensions")
    filters = body.get("filters") or []
    if len(filters) > _MOST_FILTERS:
        raise BadScript("filters: at most 20")
    named = {*dimensions, *(one.get("field") for one in filters)}
    start, end = _range(state, body.get("time_range"), detailed=bool(named & _DETAILS))
    groups: dict[tuple[Any, ...], list[Generation]] = defaultdict(list)
    for item in state.booked():
        moment = item.call.started_at
        if start <= moment < end and all(_passes(item, one) for one in filters):
            bucket = _bucket(moment, granularity) if granularity else None
            groups[bucket, *(DIMENSIONS[name](item) for name in dimensions)].append(item)
    return [
        {
            **({f"date__{granularity}": group[0]} if granularity else {}),
            **{
                name: _shown(state, name, value)
                for name, value in zip(dimensions, group[1:], strict=True)
            },
            **{name: METRICS[name](items) for name in metrics},
        }
        for group, items in _ordered(groups, body, dimensions)
    ]


def _ordered(
    groups: dict[tuple[Any, ...], list[Generation]],
    body: dict[str, Any],
    dimensions: list[str],
) -> list[tuple[tuple[Any, ...], list[Generation]]]:
    """The groups as `order_by` wants them; else the earliest first, then the largest."""
    order = body.get("order_by") or {}
    field, back = order.get("field"), order.get("direction") == "desc"
    found = sorted(groups.items(), key=lambda one: (str(one[0][0]), -len(one[1])))
    if field in METRICS:
        metric = METRICS[field]
        found.sort(key=lambda one: Decimal(getattr(value := metric(one[1]), "text", value)))
    elif field in dimensions:
        found.sort(key=lambda one: str(one[0][1 + dimensions.index(field)]))
    return found[::-1] if back else found


def _known(names: Any, table: dict[str, Any], what: str) -> list[str]:
    """The names asked for.

    Raises:
        BadScript: one of them is unknown.
    """
    if not isinstance(names, list):
        raise BadScript(f"{what} is a list")
    for name in names:
        if name not in table:
            raise BadScript(f"{what}: {name!r} is unknown")
    return names


def _limit(body: dict[str, Any]) -> int:
    """Rows at most.

    Raises:
        BadScript: more than are ever given.
    """
    limit = body.get("limit", _ROWS)
    if not isinstance(limit, int) or not 0 < limit <= _MOST_ROWS:
        raise BadScript("limit is a number up to 10000")
    return limit


def _range(state: State, asked: Any, *, detailed: bool) -> tuple[dt.datetime, dt.datetime]:
    """From when to when; the last 7 days unless said otherwise.

    Raises:
        BadScript: no times, or further apart than is kept in that detail.
    """
    now = state.now()
    if not isinstance(asked, dict):
        return now - dt.timedelta(days=_RANGE_DAYS), now + dt.timedelta(seconds=1)
    try:
        start, end = (dt.datetime.fromisoformat(asked[name]) for name in ("start", "end"))
        days = (end - start) / dt.timedelta(days=1)
        naive = start.tzinfo is None
    except (KeyError, TypeError, ValueError) as error:
        raise BadScript("time_range has a start and an end, ISO 8601 times") from error
    most = _DETAIL_DAYS if detailed else _LONGEST_DAYS
    if naive or not 0 <= days <= most:
        raise BadScript(f"time_range: in UTC, at most {most} days for this question")
    return start, end


def _passes(item: Generation, one: dict[str, Any]) -> bool:
    """Whether an item passes a filter.

    Raises:
        BadScript: there is no such filter.
    """
    field, operator, wanted = one.get("field"), one.get("operator"), one.get("value")
    if field not in DIMENSIONS or operator not in OPERATORS:
        raise BadScript(f"filters: {field!r} {operator!r} is unknown")
    value = DIMENSIONS[field](item)
    several = wanted if isinstance(wanted, list) else [wanted]
    if operator in ("eq", "in"):
        return value in several
    if operator in ("neq", "not_in"):
        return value not in several
    text, other = str(value), str(wanted)
    return {
        "gt": text > other,
        "gte": text >= other,
        "lt": text < other,
        "lte": text <= other,
    }[operator]


def _bucket(moment: dt.datetime, granularity: str) -> str:
    """The beginning of the piece of time that a moment is in; a week begins on Sunday."""
    start = moment.replace(second=0, microsecond=0)
    if granularity != "minute":
        start = start.replace(minute=0)
    if granularity in ("day", "week", "month"):
        start = start.replace(hour=0)
    if granularity == "week":
        start -= dt.timedelta(days=(start.weekday() + 1) % 7)
    elif granularity == "month":
        start = start.replace(day=1)
    return start.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(state: State, dimension: str, value: Any) -> Any:
    """A value as answers show it: keys and models by their names."""
    if dimension == "api_key_id":
        key = state.accounts.keys.get(str(value))
        return key.name if key else value
    return value.removesuffix(PERMASLUG_DATE) if dimension == "model" else value
