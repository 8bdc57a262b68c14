-- focus_openings: opening balances by day, caller, model and provider, for a bill in FOCUS
SELECT
    day, caller, model, provider,
    sum(requests) AS requests, sum(tokens) AS tokens, sum(declared_pico) AS declared_pico
FROM usage_openings
WHERE breakdown <> 'caller'
GROUP BY day, caller, model, provider
ORDER BY day, caller, model, provider
