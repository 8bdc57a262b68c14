-- held: requests for which something is held still, and whose they are
SELECT
    h.id, s.started_at, s.caller, s.model_asked, s.status, s.cost_grade, s.generation_id,
    h.amount_pico, r.process_id
FROM hold AS h
JOIN request AS r ON r.id = h.id
JOIN request_status AS s ON s.id = h.id
WHERE s.total_pico IS NULL AND s.cost_grade <> 'not_charged'
    AND NOT EXISTS (SELECT 1 FROM hold_end AS e WHERE e.id = h.id)
ORDER BY h.id
