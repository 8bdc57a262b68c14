-- opened_sums: what opening balances come to, by the minute at which their day began
SELECT
    r.day || 'T00:00' AS minute,
    total_of(r.cost_pico + coalesce(r.upstream_pico, 0)) AS spent_pico,
    0 AS held_pico
FROM (
    SELECT
        b.id, b.day, b.day || 'T' || '00:00:00.000000Z' AS started_at, c.name AS chain,
        b.model AS model_asked, b.caller_id, b.breakdown, b.cost_pico, b.upstream_pico
    FROM opening_balance AS b
    LEFT JOIN caller AS c ON c.id = b.caller_id
) AS r
LEFT JOIN caller AS c ON c.id = r.caller_id
WHERE r.started_at >= ? AND r.breakdown <> ? AND {scope}
GROUP BY r.day
