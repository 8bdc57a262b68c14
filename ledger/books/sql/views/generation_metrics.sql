-- generation_metrics: the provider's own record of each settled request
SELECT
    k.id, r.started_at, r.day, c.name AS caller, r.chain, g.generation_id, g.created_at,
    g.model, g.provider, g.api_type, g.tokens_prompt, g.tokens_completion,
    g.native_tokens_prompt, g.native_tokens_completion, g.native_tokens_reasoning,
    g.native_tokens_cached, g.latency_ms, g.generation_time_ms, g.moderation_latency_ms,
    g.finish_reason, g.native_finish_reason, g.streamed, g.cancelled, g.is_byok,
    g.cost_pico, usd(g.cost_pico) AS cost_usd, g.cost_text,
    g.upstream_pico, usd(g.upstream_pico) AS upstream_usd,
    g.cache_discount_pico, usd(g.cache_discount_pico) AS cache_discount_usd,
    g.service_tier, g.settled_at
FROM generation AS g
JOIN (
    SELECT id, generation_id FROM outcome
    UNION ALL
    SELECT s.id, s.generation_id FROM response_start AS s
    WHERE NOT EXISTS (SELECT 1 FROM outcome AS ended WHERE ended.id = s.id)
) AS k ON k.generation_id = g.generation_id
JOIN request AS r ON r.id = k.id
LEFT JOIN {callers} AS c ON c.id = r.caller_id
