"""The plan's JSON files: `api_log.json`, `api_data.json`, `openrouter_skill_{log,data}.json`.

Logs hold calls; data files hold totals alone, by caller, day and month. Written by this package
or by the plan's own programs: the members that both have are read, any other is ignored.
"""

from collections.abc import Callable, Iterator
from typing import Any

from ledger.exchange.imports import records, zones
from ledger.exchange.imports.records import BadRow, Call, Fault, Mark, Record, Total
from ledger.exchange.imports.walking import Path, Walker

SESSION, LAST_REQUEST = "session", "last_request"
_SECTIONS = ("usage_by_caller", "daily_totals", "monthly_totals")


def is_walked(path: Path) -> bool:
    """The parts of these files that have many entries."""
    return path in ((), ("logs",), ("data",), *((name,) for name in _SECTIONS))


def log(walker: Walker, file: str, prefix: str = "") -> Iterator[Record]:
    """The calls of a log."""
    for path, value in walker.walk(is_walked):
        if path[0] == "logs":
            place = f"{prefix}logs[{path[1]}]" if len(path) > 1 else f"{prefix}logs"
            yield read_entry(file, place, value, call)


def api_data(walker: Walker, file: str) -> Iterator[Record]:
    """The totals of `api_data.json`."""
    for path, value in walker.walk(is_walked):
        if path[0] == "current_session" and isinstance(value, dict):
            yield from _mark(SESSION, value.get("start_time"))
        elif path[0] in _SECTIONS:
            yield section_total(file, str(path[0]), path[1:], value)


def skill_data(walker: Walker, file: str) -> Iterator[Record]:
    """The totals of a caller's `openrouter_skill_data.json`."""
    for path, value in walker.walk(is_walked):
        if path[0] == "data":
            yield section_total(file, "usage_by_caller", path[1:], value, prefix="data")
            if isinstance(value, dict):
                yield from _mark(LAST_REQUEST, value.get("last_request"))


def section_total(
    file: str, section: str, name: Path, value: Any, *, prefix: str | None = None
) -> Record:
    """A total of one of the sections by caller, day and month."""
    place = ".".join(str(part) for part in (prefix or section, *name))

    def read(place: str, value: dict[str, Any]) -> Total:
        return total(place, section, str(name[0]) if name else "", value)

    return read_entry(file, place, value, read)


def call(place: str, entry: dict[str, Any]) -> Call:
    """One entry of a log.

    Raises:
        Fault: it can't be booked.
    """
    if "operation" in entry and "generation_id" not in entry:
        raise Fault("it is an operation, no call")
    return Call(
        place,
        stated_at=stated_at(entry.get("timestamp")),
        generation_id=records.generation_id(entry.get("generation_id")),
        caller=records.words(entry.get("caller"), "caller"),
        model=records.words(entry.get("model"), "model"),
        provider=records.words(entry.get("provider"), "provider"),
        status=records.status(records.first(entry, "status", "success")),
        prompt_tokens=records.count(entry.get("prompt_tokens"), "prompt_tokens"),
        completion_tokens=records.count(entry.get("completion_tokens"), "completion_tokens"),
        undivided_tokens=records.count(records.first(entry, "tokens", "total_tokens"), "tokens"),
        latency_ms=records.milliseconds(entry.get("latency_ms"), "latency_ms"),
        cost=records.amount(records.first(entry, "cost", "total_cost"), "cost"),
    )


def total(place: str, section: str, name: str, value: dict[str, Any]) -> Total:
    """What one of the sections states.

    Raises:
        Fault: it can't be booked.
    """
    cost = records.amount(records.first(value, "total_cost", "cost"), "total_cost")
    requests = records.first(value, "requests", "total_requests", "request_count")
    tokens = records.first(value, "total_tokens", "tokens")
    figures: dict[str, Any] = {
        "cost": cost or records.Amount(0, "0"),
        "requests": records.count(requests, "requests"),
        "tokens": records.count(tokens, "total_tokens"),
    }
    if cost is None and figures["requests"] is None:
        raise Fault("it states neither a cost nor a number of requests")
    if section == "usage_by_caller":
        caller = records.words(name, "caller")
        return Total(place, f"caller:{name}", is_of_caller=True, caller=caller, **figures)
    word = "month" if len(zones.day(name)) == len("2026-11") else "day"
    return Total(place, f"{word}:{name}", day=name, **figures)


def stated_at(value: Any) -> str:
    """A time as it is stated.

    Raises:
        Fault: there is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise Fault("it has no time")
    return value.strip()


def _mark(name: str, value: Any) -> Iterator[Mark]:
    if isinstance(value, str):
        yield Mark(name, value)


def read_entry(
    file: str, place: str, value: Any, read: Callable[[str, dict[str, Any]], Record]
) -> Record:
    """A record, or why there is none."""
    if not isinstance(value, dict):
        return BadRow(file, place, "it is no object")
    try:
        return read(place, value)
    except Fault as fault:
        return BadRow(file, place, str(fault))
