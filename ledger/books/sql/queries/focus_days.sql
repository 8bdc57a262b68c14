-- focus_days: what requests came to by day, caller, model and provider, for a bill in FOCUS
SELECT
    day, caller, model, provider, requests,
    prompt_tokens + completion_tokens + undivided_tokens AS tokens,
    cost_pico, upstream_pico, declared_pico, declared_requests,
    pending_requests + unknown_requests AS without_cost
FROM usage_days
ORDER BY day, caller, model, provider
