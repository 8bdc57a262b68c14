"""The provider's record as a row of the books."""

import dataclasses

from ledger import clock, money
from ledger.books.models import Generation
from ledger.openrouter import exact
from ledger.openrouter.generation import GenerationRecord
from ledger.openrouter.members import Member, NotAnObject, members

_MAX_DIGITS = 1000
_RENAMED = {
    "total_cost_pico": "cost_pico",
    "upstream_inference_cost_pico": "upstream_pico",
    "provider_name": "provider",
    "request_id": "provider_request_id",
    "unknown": "unknown_fields",
}
_COLUMNS = frozenset(Generation.model_fields) - {"id", "flags", "generation_id"}
_SAME = tuple(
    (each.name, _RENAMED.get(each.name, each.name))
    for each in dataclasses.fields(GenerationRecord)
    if _RENAMED.get(each.name, each.name) in _COLUMNS
)


def generation_row(record: GenerationRecord, digits: str, process_id: str) -> Generation:
    """The row of a record that was fetched now.

    Args:
        record: what the provider said.
        digits: its `total_cost` as sent.
        process_id: the process that asked.
    """
    values = {column: getattr(record, name) for name, column in _SAME}
    return Generation(
        process_id=process_id,
        settled_at=clock.now(),
        generation_id=record.id,
        cost_text=digits,
        flags=",".join(record.flags) or None,
        **values,
    )


def cost_text(body: bytes, record: GenerationRecord) -> str:
    """The literal of `data.total_cost` in a record's body, digit for digit.

    A literal of more than 1,000 characters is no price: then the booked amount stands for it.
    """
    try:
        text = exact.decode(body)
        data = _last(text, "data")
        inner = text[data.value_start : data.end] if data else ""
        cost = _last(inner, "total_cost") if inner else None
    except NotAnObject:
        cost, inner = None, ""
    if cost is None or cost.end - cost.value_start > _MAX_DIGITS:
        return money.usd_text(record.total_cost_pico)
    return inner[cost.value_start : cost.end]


def _last(text: str, name: str) -> Member | None:
    """The last member of that name: the one that counts for a parser too.

    Raises:
        NotAnObject: the text is none.
    """
    found = None
    for member in members(text):
        if member.name == name:
            found = member
    return found
