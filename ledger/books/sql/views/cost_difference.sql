-- cost_difference: requests whose settled cost differs from the one in the response
SELECT
    o.id, r.started_at, r.day, c.name AS caller, o.generation_id,
    o.cost_pico AS reported_pico, usd(o.cost_pico) AS reported_usd,
    g.cost_pico AS settled_pico, usd(g.cost_pico) AS settled_usd,
    g.cost_pico - o.cost_pico AS difference_pico,
    usd(g.cost_pico - o.cost_pico) AS difference_usd
FROM outcome AS o
JOIN generation AS g ON g.generation_id = o.generation_id
JOIN request AS r ON r.id = o.id
LEFT JOIN {callers} AS c ON c.id = r.caller_id
WHERE o.cost_pico IS NOT NULL AND g.cost_pico <> o.cost_pico
