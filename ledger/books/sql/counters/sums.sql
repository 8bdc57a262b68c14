-- sums: what requests have spent and held, by the minute in which they started
SELECT
    substr(s.started_at, 1, 16) AS minute,
    total_of(s.total_pico) AS spent_pico,
    total_of(CASE WHEN s.total_pico IS NULL AND s.cost_grade <> 'not_charged' THEN h.amount_pico END)
        AS held_pico
FROM request AS r
JOIN request_status AS s ON s.id = r.id
LEFT JOIN caller AS c ON c.id = r.caller_id
LEFT JOIN hold AS h ON h.id = r.id
WHERE r.started_at >= ? AND {scope}
GROUP BY substr(s.started_at, 1, 16)
