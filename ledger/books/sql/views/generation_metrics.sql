-- generation_metrics: all that the provider recorded of each settled request; times in ms
SELECT
    k.id, r.started_at, r.day, c.name AS caller, r.chain,
    g.generation_id, g.created_at, g.settled_at,
    g.model, g.provider, g.api_type, g.service_tier, g.router, g.data_region,
    g.tokens_prompt, g.tokens_completion,
    g.native_tokens_prompt, g.native_tokens_completion, g.native_tokens_reasoning,
    g.native_tokens_cached, g.native_tokens_completion_images,
    g.num_media_prompt, g.num_media_completion, g.num_input_audio_prompt,
    g.num_search_results, g.num_fetches, g.web_search_engine,
    g.latency_ms, g.generation_time_ms, g.moderation_latency_ms,
    k.latency_ms AS measured_ms,
    g.finish_reason, g.native_finish_reason, g.streamed, g.cancelled, g.is_byok,
    g.cost_pico, usd(g.cost_pico) AS cost_usd, g.cost_text,
    g.upstream_pico, usd(g.upstream_pico) AS upstream_usd,
    g.cache_discount_pico, usd(g.cache_discount_pico) AS cache_discount_usd,
    g.upstream_id, g.provider_request_id, g.session_id, g.response_cache_source_id,
    g.preset_id, g.workspace_id, g.app_id, g.origin,
    g.provider_responses, g.unknown_fields, g.flags
FROM generation AS g
JOIN (
    SELECT id, generation_id, latency_ms FROM outcome
    UNION ALL
    SELECT s.id, s.generation_id, NULL AS latency_ms FROM response_start AS s
    WHERE NOT EXISTS (SELECT 1 FROM outcome AS ended WHERE ended.id = s.id)
) AS k ON k.generation_id = g.generation_id
JOIN request AS r ON r.id = k.id
LEFT JOIN {callers} AS c ON c.id = r.caller_id
