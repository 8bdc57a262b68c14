-- failures: what went wrong in a month, by model and kind of error
-- :month month: the UTC month, such as 2026-11
SELECT
    r.model_asked, o.status, o.http_status, o.error_type, count(*) AS requests,
    usd(sum(o.cost_pico)) AS reported_usd
FROM request AS r
JOIN outcome AS o ON o.id = r.id
WHERE substr(r.day, 1, 7) = :month AND o.status <> 'finished'
GROUP BY r.model_asked, o.status, o.http_status, o.error_type
ORDER BY count(*) DESC, coalesce(r.model_asked, ''), coalesce(o.error_type, '')
