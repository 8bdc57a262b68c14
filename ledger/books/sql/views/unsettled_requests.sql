-- unsettled_requests: requests whose cost the provider's own record has not confirmed yet
SELECT
    r.id, r.started_at, c.name AS caller, r.chain, r.model_asked, r.base_url, r.process_id,
    k.ended_at, k.generation_id, k.cost_grade,
    (SELECT count(*) FROM settlement_attempt AS a WHERE a.generation_id = k.generation_id)
        AS attempts,
    (SELECT max(a.at) FROM settlement_attempt AS a WHERE a.generation_id = k.generation_id)
        AS last_attempt_at
FROM (
    SELECT o.id, o.ended_at, o.generation_id, o.cost_grade
    FROM outcome AS o
    WHERE o.generation_id IS NOT NULL AND o.cost_grade <> 'not_charged'
        -- Of a call that a file states the cost of, nobody may ever have had a record here.
        AND NOT EXISTS (
            SELECT 1 FROM imported_call AS i WHERE i.id = o.id AND i.cost_pico IS NOT NULL
        )
    UNION ALL
    -- Answers that have begun and not ended: under way, or their process is gone.
    SELECT s.id, NULL AS ended_at, s.generation_id, 'pending' AS cost_grade
    FROM response_start AS s
    WHERE NOT EXISTS (SELECT 1 FROM outcome AS ended WHERE ended.id = s.id)
) AS k
JOIN request AS r ON r.id = k.id
LEFT JOIN {callers} AS c ON c.id = r.caller_id
WHERE NOT EXISTS (SELECT 1 FROM generation AS g WHERE g.generation_id = k.generation_id)
    AND NOT EXISTS (
        SELECT 1 FROM settlement_attempt AS a
        WHERE a.generation_id = k.generation_id AND a.result = 'given_up'
    )
