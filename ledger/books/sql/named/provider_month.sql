-- provider_month: what each provider was paid for in a month, own keys beside credits
-- :month month: the UTC month, such as 2026-11
SELECT
    provider,
    count(*) AS requests,
    usd(sum(cost_pico)) AS credits_usd,
    usd(sum(total_pico - cost_pico)) AS upstream_usd
FROM request_status
WHERE substr(day, 1, 7) = :month
GROUP BY provider
ORDER BY coalesce(sum(total_pico), 0) DESC, coalesce(provider, '')
