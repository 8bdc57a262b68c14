-- known: what is known of a request's cost, and what is held for it
SELECT s.total_pico, s.cost_grade, h.amount_pico, e.id AS ended
FROM request_status AS s
LEFT JOIN hold AS h ON h.id = s.id
LEFT JOIN hold_end AS e ON e.id = s.id
WHERE s.id = ?
