-- reconcile_between: credits of all calls that ended in some time, or of which no end is known and that began in it
SELECT total_of(v.cost_pico) AS cost_pico, count(*) AS requests
FROM request_status AS v
JOIN request AS r ON r.id = v.id
LEFT JOIN outcome AS o ON o.id = v.id
WHERE r.base_url = :base_url
    AND coalesce(o.ended_at, v.started_at) > :start AND coalesce(o.ended_at, v.started_at) <= :end
