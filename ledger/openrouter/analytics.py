"""What the provider's analytics say of single generations, several at a time.

Source: `POST /analytics/query`, management keys only: at most 31 days and 10,000 rows an answer,
amounts in USD of six decimals, counts as text. By them a generation is found whose id never came
back: a call of ours carries its request's id as `user`.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ledger import clock
from ledger.openrouter import exact
from ledger.openrouter.generation import NotARecord, data_of
from ledger.openrouter.shapes import optional_pico_or_none, text_or_none

MAX_ROWS = 10_000
MAX_DAYS = 31
HALF_STEP_PICO = 500_000
"""Half of the last decimal that amounts have here: one that was rounded may be so far off."""


@dataclass(frozen=True, slots=True)
class Told:
    """One generation, as analytics have it.

    Attributes:
        user: what the call gave as `user`: our request's id, where the call was ours.
        credits_pico, byok_pico: credits, and the own bill of a BYOK provider; to six decimals.
        model, at: of a row of an export, which says these too.
    """

    generation_id: str
    user: str | None
    credits_pico: int
    byok_pico: int
    model: str | None = None
    at: dt.datetime | None = None


def question(
    start: dt.datetime, end: dt.datetime, key_hash: str | None, users: tuple[str, ...] = ()
) -> bytes:
    """The body that asks for the generations of some time, of one key or of all.

    Args:
        start: from when.
        end: up to this moment, itself left out.
        key_hash: SHA-256 of the key; None for all keys of the account.
        users: only of calls that gave one of these as `user`; any, if empty.
    """
    filters: list[dict[str, Any]] = []
    if key_hash is not None:
        filters.append({"field": "api_key_id", "operator": "eq", "value": key_hash})
    if users:
        filters.append({"field": "external_user", "operator": "in", "value": list(users)})
    asked = {
        "metrics": ["request_count", "credits_usage", "byok_usage"],
        "dimensions": ["generation_id", "external_user"],
        "filters": filters,
        "time_range": {"start": clock.to_text(start), "end": clock.to_text(end)},
        "limit": MAX_ROWS,
    }
    return exact.dumps(asked).encode()


def parse(body: bytes) -> tuple[list[Told], bool]:
    """The generations of an answer, and whether there are more than it holds.

    Raises:
        NotJson: it is no JSON.
        NotARecord: it has no rows, or one lacks its id or amount.
    """
    data = data_of(exact.loads(body))
    rows, about = data.get("data"), data.get("metadata")
    if not isinstance(rows, list):
        raise NotARecord("analytics without rows")
    truncated = isinstance(about, dict) and about.get("truncated") is True
    return [_told(row) for row in rows if isinstance(row, dict)], truncated


def _told(row: dict[str, Any]) -> Told:
    flags: list[str] = []
    generation_id = text_or_none(row.get("generation_id"))
    credits_ = optional_pico_or_none(row.get("credits_usage"), "credits_usage", flags)
    byok = optional_pico_or_none(row.get("byok_usage"), "byok_usage", flags)
    if not generation_id or flags:
        raise NotARecord(f"a row of analytics without a usable {flags[0] if flags else 'id'}")
    return Told(generation_id, text_or_none(row.get("external_user")), credits_ or 0, byok or 0)
