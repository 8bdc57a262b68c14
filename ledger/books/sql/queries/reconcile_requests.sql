-- reconcile_requests: all that is known of one day's requests at one address of the provider
SELECT
    v.id, v.started_at, v.day, r.key_hash, coalesce(v.model, v.model_asked) AS model, v.provider,
    v.endpoint, v.status, v.generation_id, v.cost_grade, v.cost_pico,
    v.total_pico - v.cost_pico AS upstream_pico,
    coalesce(g.is_byok, o.is_byok) AS is_byok, o.ended_at, g.created_at,
    v.prompt_tokens, v.completion_tokens,
    coalesce(g.native_tokens_reasoning, o.reasoning_tokens) AS reasoning_tokens,
    coalesce(g.native_tokens_cached, o.cached_tokens) AS cached_tokens,
    o.cache_write_tokens, coalesce(g.service_tier, o.service_tier) AS service_tier,
    g.response_cache_source_id, o.usage_text,
    coalesce(g.num_search_results, 0) + coalesce(g.num_fetches, 0)
        + coalesce(g.num_media_prompt, 0) + coalesce(g.num_media_completion, 0)
        + coalesce(g.num_input_audio_prompt, 0)
        + coalesce(g.native_tokens_completion_images, 0) AS extras
FROM request_status AS v
JOIN request AS r ON r.id = v.id
LEFT JOIN outcome AS o ON o.id = v.id
LEFT JOIN generation AS g ON g.generation_id = v.generation_id
WHERE v.day = :day AND r.base_url = :base_url
ORDER BY v.id
