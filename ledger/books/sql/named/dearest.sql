-- dearest: the single requests of a month that cost most
-- :month month: the UTC month, such as 2026-11
-- :top integer = 20: how many
SELECT id, started_at, caller, model, prompt_tokens, completion_tokens, total_usd, cost_grade
FROM request_status
WHERE substr(day, 1, 7) = :month AND total_pico > 0
ORDER BY total_pico DESC, id
LIMIT :top
