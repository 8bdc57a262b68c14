"""What the provider says afterwards of a generation; and its models and providers."""

from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.catalogue import listing
from ledger.sandbox.listings import PERMASLUG_DATE
from ledger.sandbox.literals import Literal
from ledger.sandbox.seen import Generation
from ledger.sandbox.state import State

NO_STORE = "private, no-store"
# Another tokenizer counts: the record's normalised numbers differ from the billed, native ones.
_NORMALISED_PROMPT = 2
_NORMALISED_COMPLETION = 3
_MS_PER_TOKEN = 11
_FIRST_TOKEN_MS = 24


def generation(item: Generation) -> dict[str, Any]:
    """The record of one generation, every field of the provider's schema, under `data`."""
    call, plan = item.call, item.plan
    latency = plan.slow_ms + _FIRST_TOKEN_MS
    total = Literal(item.total_cost)
    slug = item.model
    data = {
        "id": call.generation_id,
        "upstream_id": f"chatcmpl-{(call.generation_id or '')[-20:]}",
        "created_at": call.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "model": slug.partition(":")[0] + PERMASLUG_DATE,
        "total_cost": total,
        "usage": total,
        "cache_discount": None,
        # As recorded: 0 for everything but calls with the user's own provider key.
        "upstream_inference_cost": Literal(costs.literal_of(call.upstream)),
        "is_byok": plan.is_byok,
        "provider_name": item.offer.provider,
        **_tokens(item),
        "latency": latency,
        "generation_time": latency + item.counts.completion * _MS_PER_TOKEN,
        "moderation_latency": None,
        "finish_reason": item.finish_reason,
        "native_finish_reason": "completed" if item.finish_reason else None,
        "streamed": call.streamed,
        "cancelled": item.cancelled,
        **_origin(item),
        "provider_responses": [_provider_response(item, latency, slug)],
    }
    return {"data": data}


def _tokens(item: Generation) -> dict[str, Any]:
    """Counts: normalised, native and of media."""
    counts = item.counts
    prompt, completion = counts.tokens
    return {
        "tokens_prompt": prompt + _NORMALISED_PROMPT,
        "tokens_completion": completion + _NORMALISED_COMPLETION,
        "native_tokens_prompt": prompt,
        "native_tokens_completion": completion,
        "native_tokens_reasoning": counts.reasoning,
        "native_tokens_cached": counts.cached,
        "native_tokens_completion_images": counts.image_tokens or None,
        "num_media_prompt": counts.images or None,
        "num_media_completion": None,
        "num_input_audio_prompt": None,
        "num_search_results": counts.searches or None,
        "num_fetches": None,
    }


def _origin(item: Generation) -> dict[str, Any]:
    """Who called and by which way."""
    headers, params = item.call.headers, item.call.params
    session = params.get("session_id") or headers.get("x-session-id")
    return {
        "api_type": item.api_type,
        "app_id": None,
        "external_user": params.get("user"),
        "origin": headers.get("http-referer", ""),
        "http_referer": None,
        "user_agent": headers.get("user-agent"),
        "session_id": session,
        "request_id": f"req-{(item.call.generation_id or '')[4:]}",
        "response_cache_source_id": item.plan.source_id,
        "workspace_id": "00000000-0000-4000-8000-000000000000",
        "preset_id": None,
        "router": None,
        "service_tier": "default",
        "web_search_engine": None,
        "data_region": "global",
    }


def _provider_response(item: Generation, latency: int, slug: str) -> dict[str, Any]:
    """The one provider that was tried."""
    return {
        "status": 200,
        "latency": latency,
        "is_byok": item.plan.is_byok,
        "provider_name": item.offer.provider,
        "model_permaslug": slug.partition(":")[0] + PERMASLUG_DATE,
        "endpoint_id": item.offer.endpoint_id,
        "id": f"chatcmpl-{(item.call.generation_id or '')[-20:]}",
    }


def models(state: State, modality: str = "") -> dict[str, Any]:
    """The models on offer, prices as decimal text in USD per token."""
    entries = state.settings.models
    if entries is None:
        with state.lock:
            entries = listing(state.catalogue.listed(), modality)
    return {"data": entries, "total_count": len(entries), "links": {"next": None}}


def providers(names: list[str]) -> dict[str, Any]:
    """Providers with their slugs and the pages of their policies."""
    pages = ("privacy_policy_url", "terms_of_service_url", "status_page_url")
    listed = [
        {"name": name, "slug": name.lower(), **dict.fromkeys(pages), "headquarters": None}
        for name in names
    ]
    return {"data": listed}
