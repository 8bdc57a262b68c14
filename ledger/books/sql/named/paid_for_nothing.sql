-- paid_for_nothing: requests that did not finish, and were charged all the same
-- :since day = 0000-01-01: the first UTC day
SELECT id, started_at, caller, model, status, total_usd, cost_grade, error
FROM request_status
WHERE status <> 'finished' AND total_pico > 0 AND day >= :since
ORDER BY total_pico DESC, id
