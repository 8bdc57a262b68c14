-- usage_openings: opening balances: what files state beyond the calls that are known one by one
SELECT
    b.id, b.day, c.name AS caller, b.model, b.provider, b.breakdown, b.source, b.bucket,
    coalesce(b.requests, 0) AS requests, coalesce(b.tokens, 0) AS tokens,
    b.cost_pico + coalesce(b.upstream_pico, 0) AS declared_pico,
    usd(b.cost_pico + coalesce(b.upstream_pico, 0)) AS declared_usd
FROM opening_balance AS b
LEFT JOIN {callers} AS c ON c.id = b.caller_id
