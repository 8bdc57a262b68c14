-- seen_costs: what a caller's newest finished calls of a model cost, the cheapest first
SELECT total_pico
FROM request_status
WHERE total_pico IS NOT NULL AND id IN (
    SELECT r.id
    FROM request AS r
    JOIN {callers} AS c ON c.id = r.caller_id
    JOIN outcome AS o ON o.id = r.id
    WHERE c.name = :caller AND r.model_asked = :model AND o.status = 'finished'
    ORDER BY r.id DESC
    LIMIT :most
)
ORDER BY total_pico
