-- request_status: one row a request: who asked what of which model, how it ended, what it cost
SELECT
    f.id, f.started_at, f.day, c.name AS caller, f.chain, f.source, f.endpoint, f.model_asked,
    f.model, f.provider, f.status, f.generation_id, f.prompt_tokens, f.completion_tokens,
    f.cost_pico, usd(f.cost_pico) AS cost_usd,
    f.upstream_pico, usd(f.upstream_pico) AS upstream_usd,
    f.total_pico, usd(f.total_pico) AS total_usd,
    f.cost_grade, f.latency_ms, f.generation_time_ms, f.error, f.undivided_tokens
FROM {facts} AS f
LEFT JOIN {callers} AS c ON c.id = f.caller_id
