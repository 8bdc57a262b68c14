"""`usage_tracker_data.json`: calls by generation id, and totals by caller, day and month.

`data.generation_tracking` maps a generation id to its time (local, without a zone), caller, model
and `usage_data`, which is what the provider's record or the answer's `usage` said. Amounts and
counts are found under any of the names that these two have.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from ledger.exchange.imports import plan, records
from ledger.exchange.imports.records import Call, Fault, Record
from ledger.exchange.imports.walking import Path, Walker

CALLS = "generation_tracking"
TOTALS = ("usage_by_caller", "daily_totals", "monthly_totals")


def is_walked(path: Path) -> bool:
    """The parts that have many entries."""
    return path in ((), ("data",), *(("data", name) for name in (CALLS, *TOTALS)))


def read(walker: Walker, file: str) -> Iterator[Record]:
    """Every call and total."""
    for path, value in walker.walk(is_walked):
        if len(path) < 2 or path[0] != "data":  # noqa: PLR2004 - data and a section
            continue
        section, name = str(path[1]), path[2:]
        if section == CALLS:
            place = ".".join(map(str, path))
            yield plan.read_entry(file, place, value, partial(call, name))
        elif section in TOTALS:
            yield plan.section_total(file, section, name, value, prefix=f"data.{section}")


def call(name: Path, place: str, entry: dict[str, Any]) -> Call:
    """One tracked generation.

    Raises:
        Fault: it can't be booked.
    """
    usage = entry.get("usage_data")
    if usage is None:
        usage = {}
    if isinstance(usage, dict) and isinstance(usage.get("data"), dict):
        usage = usage["data"]  # the provider's answer whole
    if not isinstance(usage, dict):
        raise Fault("its usage_data is no object")
    generation_id = records.generation_id(str(name[0]) if name else None)
    if generation_id is None:
        raise Fault("it has no generation id")
    return Call(
        place,
        stated_at=plan.stated_at(entry.get("timestamp")),
        generation_id=generation_id,
        caller=records.words(entry.get("caller"), "caller"),
        model=records.words(records.first({**usage, **entry}, "model"), "model"),
        provider=records.words(records.first(usage, "provider_name", "provider"), "provider"),
        status="cancelled" if usage.get("cancelled") is True else "finished",
        latency_ms=records.milliseconds(records.first(usage, "latency_ms", "latency"), "latency"),
        **_figures(usage),
    )


def _figures(usage: dict[str, Any]) -> dict[str, Any]:
    """Counts and amounts, by the names of the provider's record and of an answer's usage."""
    prompt = ("native_tokens_prompt", "tokens_prompt", "prompt_tokens", "input_tokens")
    completion = (
        "native_tokens_completion", "tokens_completion", "completion_tokens", "output_tokens",
    )  # fmt: skip
    is_byok = usage.get("is_byok") is True
    upstream = usage.get("upstream_inference_cost") if is_byok else None
    return {
        "prompt_tokens": records.count(records.first(usage, *prompt), "prompt tokens"),
        "completion_tokens": records.count(records.first(usage, *completion), "completion tokens"),
        "undivided_tokens": records.count(
            records.first(usage, "total_tokens", "tokens"), "total tokens"
        ),
        "cost": records.amount(records.first(usage, "total_cost", "cost", "usage"), "cost"),
        "upstream": records.amount(upstream, "upstream cost"),
    }
