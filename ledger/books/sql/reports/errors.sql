-- errors: what went wrong since a time, the most frequent first
SELECT coalesce(o.error_type, o.status) AS error, count(*) AS requests, max(r.started_at) AS last_at
FROM request AS r
JOIN outcome AS o ON o.id = r.id
WHERE r.started_at >= :since AND o.status <> 'finished'
GROUP BY coalesce(o.error_type, o.status)
ORDER BY count(*) DESC, coalesce(o.error_type, o.status)
LIMIT :most
