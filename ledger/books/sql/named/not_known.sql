-- not_known: requests whose cost is pending, or that nobody can say, oldest first
-- :since day = 0000-01-01: the first UTC day
SELECT id, started_at, caller, model_asked, status, generation_id, cost_grade
FROM request_status
WHERE cost_grade IN ('pending', 'unknown') AND day >= :since
ORDER BY started_at, id
