-- refusals: calls of a month that were never sent, by caller and reason
-- :month month: the UTC month, such as 2026-11
SELECT caller_name AS caller, reason, count(*) AS calls, max(at) AS last_at
FROM refusal
WHERE substr(day, 1, 7) = :month
GROUP BY caller_name, reason
ORDER BY count(*) DESC, coalesce(caller_name, ''), reason
