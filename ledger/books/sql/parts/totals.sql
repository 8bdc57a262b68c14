-- totals: the columns of every usage view
requests, finished, failed, cancelled, interrupted, open_requests,
prompt_tokens, completion_tokens,
cost_pico, usd(cost_pico) AS cost_usd,
upstream_pico, usd(upstream_pico) AS upstream_usd,
total_pico, usd(total_pico) AS total_usd,
settled_pico, usd(settled_pico) AS settled_usd,
reported_pico, usd(reported_pico) AS reported_usd,
settled_requests, reported_requests, pending_requests, unknown_requests, not_charged_requests,
declared_pico, usd(declared_pico) AS declared_usd,
declared_requests, undivided_tokens
