"""The provider's own record of a generation.

Source: `GET /generation?id=`, all of it under `data`. Members that the specification requires
are missing in real records, so only the id and the cost are asked for.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from ledger.openrouter import exact
from ledger.openrouter.shapes import (
    MAX_COUNT,
    count_or_none,
    flag_or_none,
    milliseconds_or_none,
    optional_pico_or_none,
    pico_or_none,
    signed_pico_or_none,
    text_or_none,
    unknown_fields,
)

_MAX_ATTEMPTS = 32


class NotARecord(ValueError):
    """A body that is JSON, but not the record that was asked for; says what it lacks."""


@dataclass(slots=True)
class GenerationRecord:
    """What OpenRouter recorded: amounts in picodollars, times in ms, None where not said.

    Attributes:
        total_cost_pico: what was charged; `usage_pico` is the same figure under another name.
        upstream_inference_cost_pico: what a BYOK provider charged.
        cache_discount_pico: what caching saved; below zero where it cost more.
        tokens_prompt, tokens_completion: by a normalised tokenizer; the bill is by `native_*`.
        created_at: the start of the request, in the provider's own ISO 8601 text.
        provider_responses: exact JSON of the providers that were tried, scalars only.
        unknown: names and JSON types of members that nobody here knows.
        flags: what was unusable and why, as `latency:negative`.
    """

    id: str
    total_cost_pico: int
    usage_pico: int | None = None
    upstream_inference_cost_pico: int | None = None
    cache_discount_pico: int | None = None
    is_byok: bool | None = None
    upstream_id: str | None = None
    created_at: str | None = None
    model: str | None = None
    provider_name: str | None = None
    tokens_prompt: int | None = None
    tokens_completion: int | None = None
    native_tokens_prompt: int | None = None
    native_tokens_completion: int | None = None
    native_tokens_reasoning: int | None = None
    native_tokens_cached: int | None = None
    native_tokens_completion_images: int | None = None
    latency_ms: int | None = None
    generation_time_ms: int | None = None
    moderation_latency_ms: int | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    streamed: bool | None = None
    cancelled: bool | None = None
    api_type: str | None = None
    app_id: int | None = None
    external_user: str | None = None
    origin: str | None = None
    http_referer: str | None = None
    user_agent: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    response_cache_source_id: str | None = None
    workspace_id: str | None = None
    preset_id: str | None = None
    router: str | None = None
    service_tier: str | None = None
    web_search_engine: str | None = None
    data_region: str | None = None
    num_media_prompt: int | None = None
    num_media_completion: int | None = None
    num_input_audio_prompt: int | None = None
    num_search_results: int | None = None
    num_fetches: int | None = None
    provider_responses: str | None = None
    unknown: str | None = None
    flags: tuple[str, ...] = ()


_AMOUNTS = {
    "usage": optional_pico_or_none,
    "upstream_inference_cost": optional_pico_or_none,
    "cache_discount": signed_pico_or_none,
}
_TIMES = ("latency", "generation_time", "moderation_latency")
_BOOLEANS = ("is_byok", "streamed", "cancelled")
_COUNTS = tuple(
    each.name
    for each in fields(GenerationRecord)
    if each.name.startswith(("tokens_", "native_tokens_", "num_")) or each.name == "app_id"
)
_HANDLED = {*_BOOLEANS, *_COUNTS, "id", "provider_responses", "unknown", "flags"}
_HANDLED |= {f"{name}_pico" for name in ("total_cost", *_AMOUNTS)}
_HANDLED |= {f"{name}_ms" for name in _TIMES}
_TEXTS = tuple(each.name for each in fields(GenerationRecord) if each.name not in _HANDLED)
_KNOWN = frozenset(
    (*_AMOUNTS, *_TIMES, *_BOOLEANS, *_COUNTS, *_TEXTS, "id", "total_cost", "provider_responses")
)
_ATTEMPT = (
    "id",
    "status",
    "latency",
    "is_byok",
    "provider_name",
    "model_permaslug",
    "endpoint_id",
    "routed_service_tier",
)


def parse_generation(body: bytes) -> GenerationRecord:
    """Read the body of a `/generation` answer.

    Raises:
        NotJson: it is no JSON.
        NotARecord: it has no `data`, no id, or no usable `total_cost`.
    """
    data = data_of(exact.loads(body))
    flags: list[str] = []
    generation_id = text_or_none(data.get("id"))
    total = pico_or_none(data.get("total_cost"), "total_cost", flags)
    if not generation_id:
        raise NotARecord("a generation record without an id")
    if total is None:
        raise NotARecord(f"a generation record without a usable cost ({flags[0]})")
    values: dict[str, Any] = {name: text_or_none(data.get(name)) for name in _TEXTS}
    values |= {name: flag_or_none(data.get(name), name, flags) for name in _BOOLEANS}
    values |= {name: count_or_none(data.get(name), name, flags) for name in _COUNTS}
    for name in _TIMES:
        values[f"{name}_ms"] = milliseconds_or_none(data.get(name), name, flags)
    for name, convert in _AMOUNTS.items():
        values[f"{name}_pico"] = convert(data.get(name), name, flags)
    values["provider_responses"] = _attempts(data.get("provider_responses"))
    values["unknown"] = unknown_fields(data, _KNOWN)
    return GenerationRecord(generation_id, total, **values, flags=tuple(flags))


def data_of(parsed: object) -> dict[str, Any]:
    """The object under `data`, where the provider puts its records.

    Raises:
        NotARecord: there is none.
    """
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if not isinstance(data, dict):
        raise NotARecord("an answer without a `data` object")
    return data


def _attempts(value: object) -> str | None:
    """Exact JSON of the providers tried, at most 32, with the scalars that are known."""
    if not isinstance(value, list):
        return None
    tried = [
        {name: _scalar(each[name]) for name in _ATTEMPT if name in each}
        for each in value[:_MAX_ATTEMPTS]
        if isinstance(each, dict)
    ]
    return exact.dumps(tried) if tried else None


def _scalar(value: object) -> object:
    """A bounded scalar that JSON can hold; None for anything else."""
    if isinstance(value, str):
        return text_or_none(value)
    if isinstance(value, Decimal):
        return value if value.is_finite() and abs(value.adjusted()) <= 30 else None  # noqa: PLR2004 - no status or time is as large or small
    return value if isinstance(value, int) and abs(value) <= MAX_COUNT else None
