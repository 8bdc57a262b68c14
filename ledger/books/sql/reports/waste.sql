-- waste: what was paid for nothing, by kind, caller and model; a request counts once. {conditions} is put in
SELECT kind, caller, model, count(*) AS requests, total_of(total_pico) AS total_pico,
    max(started_at) AS last_at
FROM (
    SELECT
        caller, model, total_pico, started_at,
        CASE
            WHEN status <> 'finished' THEN 'failed'
            WHEN is_text = 1 AND completion_tokens = 0 THEN 'empty'
            WHEN finish_reason = 'length' THEN 'cut'
            WHEN digest = digest_before AND model_asked = model_before THEN 'repeated'
        END AS kind
    FROM (
        SELECT
            s.caller, coalesce(s.model, s.model_asked) AS model, s.model_asked, s.total_pico,
            s.started_at, s.status, s.cost_grade, s.completion_tokens,
            coalesce(o.finish_reason, g.finish_reason) AS finish_reason,
            d.digest,
            lag(d.digest) OVER calls AS digest_before,
            lag(s.model_asked) OVER calls AS model_before,
            CASE
                WHEN s.endpoint IN ({text_endpoints}) THEN 1
                ELSE 0
            END AS is_text
        FROM request_status AS s
        LEFT JOIN outcome AS o ON o.id = s.id
        LEFT JOIN generation AS g ON g.generation_id = s.generation_id
        LEFT JOIN request_digest AS d ON d.id = s.id
        WHERE {conditions}
        WINDOW calls AS (PARTITION BY s.caller, s.chain ORDER BY s.started_at, s.id)
    ) AS followed
    WHERE total_pico > 0 AND cost_grade <> 'declared'
) AS judged
WHERE kind IS NOT NULL
GROUP BY kind, caller, model
ORDER BY total_of(total_pico) DESC, kind, caller, model
