"""What the provider's own accounts say by day and model: its activity, or the same as CSV.

Source: `GET /activity`, management keys only: the last 30 completed UTC days, a row a date, model
and endpoint. `usage` is USD of credits, `byok_usage_inference` what providers charged besides to
the user's own keys with them. A CSV has the same columns, or a row a generation.
"""

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ledger.openrouter import exact
from ledger.openrouter.generation import NotARecord
from ledger.openrouter.shapes import (
    count_or_none,
    optional_pico_or_none,
    pico_or_none,
    text_or_none,
)

_NAMES = {
    "day": ("date", "created_at", "day", "timestamp"),
    "model": ("model", "model_permaslug"),
    "permaslug": ("model_permaslug", "model"),
    "cost": ("usage", "cost_total", "cost", "total_cost"),
    "byok": ("byok_usage_inference", "upstream_inference_cost"),
    "requests": ("requests", "request_count"),
    "generation_id": ("generation_id", "id"),
    "key_hash": ("api_key_hash", "key_hash"),
    "user": ("user", "external_user"),
}


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """What one model was used for in one UTC day, or one generation of it; picodollars.

    Attributes:
        day: the provider's UTC day.
        model: its slug; `permaslug` the dated one.
        requests: how many calls.
        usage_pico: credits.
        byok_pico: what providers charged to the user's own keys with them; None if not said.
        generation_id, user, at: of a row that is one generation; when it began.
        key_hash: where the row says whose it is.
    """

    day: str
    model: str
    permaslug: str
    requests: int
    usage_pico: int
    byok_pico: int | None
    generation_id: str | None = None
    key_hash: str | None = None
    user: str | None = None
    at: dt.datetime | None = None


def parse_activity(body: bytes) -> list[ActivityRow]:
    """Read the body of an `/activity` answer.

    Raises:
        NotJson: it is no JSON.
        NotARecord: it is no list of rows, or a row lacks its day, model or amount.
    """
    parsed = exact.loads(body)
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if not isinstance(data, list):
        raise NotARecord("activity without a `data` list")
    return [_row(each) for each in data if isinstance(each, dict)]


def parse_csv(lines: Iterable[str]) -> list[ActivityRow]:
    """Read a CSV of the same rows, or of one row a generation, by the names of its columns.

    Raises:
        NotARecord: it has no such columns, or a row lacks its day, model or amount; says where.
    """
    reader = csv.DictReader(lines, strict=True)
    try:
        names = _columns(reader.fieldnames or ())
        return list(_of_csv(reader, names))
    except csv.Error as error:
        raise NotARecord(f"no CSV at line {reader.line_num}: {error}") from error


def _columns(found: Iterable[str]) -> dict[str, str]:
    """Which column says what.

    Raises:
        NotARecord: the day, the model or the amount is nowhere.
    """
    known = {name.strip().lstrip("\ufeff").lower().replace(" ", "_"): name for name in found}
    names = {
        what: next(known[one] for one in ones if one in known)
        for what, ones in _NAMES.items()
        if any(one in known for one in ones)
    }
    lacking = [_NAMES[what][0] for what in ("day", "model", "cost") if what not in names]
    if lacking:
        raise NotARecord(f"no activity: there is no column {' or '.join(lacking)}")
    return names


def _of_csv(reader: "csv.DictReader[str]", names: dict[str, str]) -> Iterator[ActivityRow]:
    for line in reader:
        if not any(line.values()):
            continue
        told: dict[str, Any] = {what: line.get(name) or None for what, name in names.items()}
        try:
            entry = {
                "date": told["day"],
                "model": told["model"],
                "model_permaslug": told.get("permaslug"),
                "usage": Decimal(str(told["cost"])),
                "byok_usage_inference": _byok(told, names),
                "requests": int(told.get("requests") or 1),
            }
            row = _row(entry)
        except (NotARecord, InvalidOperation, ValueError) as error:
            raise NotARecord(f"no activity at line {reader.line_num}: {_why(error)}") from error
        yield ActivityRow(
            row.day, row.model, row.permaslug, row.requests, row.usage_pico, row.byok_pico,
            told.get("generation_id"), told.get("key_hash"), told.get("user"),
            moment_or_none(told["day"]),
        )  # fmt: skip


def _byok(told: dict[str, Any], names: dict[str, str]) -> Decimal | None:
    """The amount; 0 where it is left blank, None where there is no such column."""
    return Decimal(str(told["byok"] or 0)) if "byok" in names else None


def _why(error: Exception) -> str:
    """What is wrong, without a word of what was there."""
    return str(error) if isinstance(error, NotARecord) else "an amount or a number is none"


def _row(entry: dict[str, Any]) -> ActivityRow:
    """One row.

    Raises:
        NotARecord: its day, model or amount can't be read.
    """
    flags: list[str] = []
    model, day = text_or_none(entry.get("model")), day_or_none(entry.get("date"))
    usage = pico_or_none(entry.get("usage"), "usage", flags)
    byok = optional_pico_or_none(entry.get("byok_usage_inference"), "byok_usage_inference", flags)
    requests = count_or_none(entry.get("requests"), "requests", flags)
    if day is None or not model or usage is None or requests is None or flags:
        raise NotARecord(f"a row without a usable {_lacking(day, model, flags)}")
    permaslug = text_or_none(entry.get("model_permaslug")) or model
    return ActivityRow(day, model, permaslug, requests, usage, byok)


def _lacking(day: str | None, model: str | None, flags: list[str]) -> str:
    if day is None:
        return "date"
    return "model" if not model else (flags[0] if flags else "requests")


def day_or_none(value: object) -> str | None:
    """The UTC day of a date or time as the provider writes them; None for anything else."""
    moment = moment_or_none(value)
    return None if moment is None else moment.date().isoformat()


def moment_or_none(value: object) -> dt.datetime | None:
    """A date or time of the provider's, aware, in UTC; None for anything else."""
    try:
        moment = dt.datetime.fromisoformat(text_or_none(value) or "")
        return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
