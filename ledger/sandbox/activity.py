"""`GET /activity`: the last 30 completed UTC days, a row a day, model and endpoint."""

import datetime as dt
from collections import defaultdict
from typing import Any

from ledger.sandbox import costs, failures
from ledger.sandbox.failures import Failure
from ledger.sandbox.listings import PERMASLUG_DATE
from ledger.sandbox.management import amount
from ledger.sandbox.seen import Generation
from ledger.sandbox.state import State

_DAYS = 30
_OUTSIDE = "Date must be within the last 30 (completed) UTC days"


def activity(state: State, date: str, key_hash: str) -> Failure | dict[str, Any]:
    """The rows, of one date or one key where these are given."""
    today = state.now().date()
    days = [today - dt.timedelta(days=number) for number in range(1, _DAYS + 1)]
    if date:
        try:
            days = [day for day in days if day == dt.date.fromisoformat(date[:10])]
        except ValueError:
            days = []
        if not days:
            return failures.plain(400, _OUTSIDE)
    groups: dict[tuple[dt.date, str, str], list[Generation]] = defaultdict(list)
    for item in state.booked():
        day = item.call.started_at.date()
        if day in days and key_hash in ("", item.call.key_hash):
            groups[day, item.model, item.offer.endpoint_id].append(item)
    ordered = sorted(groups, key=lambda group: (-group[0].toordinal(), *group[1:]))
    return {"data": [_row(group, groups[group], state) for group in ordered]}


def _row(group: tuple[dt.date, str, str], items: list[Generation], state: State) -> dict[str, Any]:
    """What one endpoint did for one model on one day."""
    day, model, endpoint_id = group
    time = " 00:00:00" if state.settings.activity_times else ""
    return {
        "date": f"{day.isoformat()}{time}",
        "model": model,
        "model_permaslug": model.partition(":")[0] + PERMASLUG_DATE,
        "endpoint_id": endpoint_id,
        "provider_name": items[0].offer.provider,
        "requests": len(items),
        "byok_requests": sum(item.plan.is_byok for item in items),
        "prompt_tokens": sum(item.counts.prompt for item in items),
        "completion_tokens": sum(item.counts.completion for item in items),
        "reasoning_tokens": sum(item.counts.reasoning for item in items),
        "cached_tokens": sum(item.counts.cached for item in items),
        "usage": amount(sum((item.call.charged for item in items), costs.ZERO)),
        "byok_usage_inference": amount(sum((item.call.upstream for item in items), costs.ZERO)),
    }
