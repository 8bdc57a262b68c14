-- caller_month: what each caller spent in a month, and how sure the figures are
-- :month month: the UTC month, such as 2026-11
SELECT
    caller,
    count(*) AS requests,
    count(CASE WHEN status = 'finished' THEN 1 END) AS finished,
    usd(sum(total_pico)) AS total_usd,
    usd(sum(CASE WHEN cost_grade = 'settled' THEN total_pico END)) AS settled_usd,
    count(CASE WHEN cost_grade IN ('pending', 'unknown') THEN 1 END) AS not_known
FROM request_status
WHERE substr(day, 1, 7) = :month
GROUP BY caller
ORDER BY coalesce(sum(total_pico), 0) DESC, coalesce(caller, '')
