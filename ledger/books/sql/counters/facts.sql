-- facts: what decides which budgets a request falls under
SELECT r.started_at, c.name, r.chain, r.model_asked
FROM request AS r
LEFT JOIN caller AS c ON c.id = r.caller_id
WHERE r.id = ?
