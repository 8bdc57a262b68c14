-- openings: opening balances by two keys; the reader puts in keys and conditions
SELECT {key} AS key, {also} AS also, total_of(s.declared_pico) AS declared_pico
FROM (
    SELECT o.*, o.day || 'T' || '00:00:00.000000Z' AS started_at FROM usage_openings AS o
) AS s
WHERE {conditions}
GROUP BY 1, 2
