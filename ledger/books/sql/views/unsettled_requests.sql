-- unsettled_requests: requests whose cost the provider's own record has not confirmed yet
SELECT
    r.id, r.started_at, c.name AS caller, r.chain, r.model_asked, r.base_url, r.process_id,
    o.ended_at, o.generation_id, o.cost_grade,
    (SELECT count(*) FROM settlement_attempt AS a WHERE a.generation_id = o.generation_id)
        AS attempts,
    (SELECT max(a.at) FROM settlement_attempt AS a WHERE a.generation_id = o.generation_id)
        AS last_attempt_at
FROM outcome AS o
JOIN request AS r ON r.id = o.id
LEFT JOIN caller AS c ON c.id = r.caller_id
WHERE o.generation_id IS NOT NULL
    AND o.cost_grade <> 'not_charged'
    AND NOT EXISTS (SELECT 1 FROM generation AS g WHERE g.generation_id = o.generation_id)
    AND NOT EXISTS (
        SELECT 1 FROM settlement_attempt AS a
        WHERE a.generation_id = o.generation_id AND a.result = 'given_up'
    )
