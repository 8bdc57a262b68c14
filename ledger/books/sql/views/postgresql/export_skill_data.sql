-- export_skill_data: the entry of each caller in its folder's openrouter_skill_data.json
SELECT
    c.id AS caller_id,
    c.name,
    CAST(json_build_object(
        'requests', coalesce(u.requests, 0) + coalesce(b.requests, 0),
        'successful_requests', coalesce(u.successful, 0),
        'failed_requests', coalesce(u.failed, 0),
        'open_requests', coalesce(u.open_requests, 0),
        'refused_calls', (
            SELECT count(*) FROM refusal AS f
            WHERE f.caller_id = c.id OR (f.caller_id IS NULL AND f.caller_name = c.name)
        ),
        'total_cost', CAST(usd(
            coalesce(u.total_pico, 0) + coalesce(u.declared_pico, 0) + coalesce(b.pico, 0)
        ) AS numeric),
        'total_tokens', coalesce(u.tokens, 0) + coalesce(b.tokens, 0),
        'settled_cost', CAST(usd(coalesce(u.settled_pico, 0)) AS numeric),
        'declared_cost', CAST(usd(coalesce(u.declared_pico, 0) + coalesce(b.pico, 0)) AS numeric),
        'pending_requests', coalesce(u.pending, 0),
        'unknown_requests', coalesce(u.unknown, 0),
        'models', coalesce(u.models, CAST('{}' AS json)),
        'last_request', u.last_request
    ) AS text) AS entry
FROM {callers} AS c
LEFT JOIN (
    SELECT
        caller_id,
        total_of(requests) AS requests, total_of(successful) AS successful,
        total_of(failed) AS failed, total_of(open_requests) AS open_requests,
        total_of(total_pico) AS total_pico, total_of(tokens) AS tokens,
        total_of(declared_pico) AS declared_pico,
        total_of(settled_pico) AS settled_pico, total_of(pending) AS pending,
        total_of(unknown) AS unknown, max(last_request) AS last_request,
        json_object_agg(model, requests ORDER BY model COLLATE "C") AS models
    FROM (
        SELECT
            s.caller_id,
            coalesce(s.model, s.model_asked, '(unknown)') AS model,
            count(*) AS requests,
            count(CASE WHEN s.status = 'finished' THEN 1 END) AS successful,
            count(CASE WHEN s.status NOT IN ('finished', 'open') THEN 1 END) AS failed,
            count(CASE WHEN s.status = 'open' THEN 1 END) AS open_requests,
            total_of(CASE WHEN s.cost_grade <> 'declared' THEN s.total_pico END) AS total_pico,
            total_of(CASE WHEN s.cost_grade = 'declared' THEN s.total_pico END)
                AS declared_pico,
            total_of(
                coalesce(s.prompt_tokens, 0) + coalesce(s.completion_tokens, 0)
                + coalesce(s.undivided_tokens, 0)
            ) AS tokens,
            total_of(CASE WHEN s.cost_grade = 'settled' THEN s.total_pico END) AS settled_pico,
            count(CASE WHEN s.cost_grade = 'pending' THEN 1 END) AS pending,
            count(CASE WHEN s.cost_grade = 'unknown' THEN 1 END) AS unknown,
            max(s.started_at) AS last_request
        FROM {facts} AS s
        WHERE s.caller_id IS NOT NULL
        GROUP BY s.caller_id, coalesce(s.model, s.model_asked, '(unknown)')
    ) AS by_model
    GROUP BY caller_id
) AS u ON u.caller_id = c.id
LEFT JOIN (
    SELECT
        caller_id, total_of(requests) AS requests, total_of(tokens) AS tokens,
        total_of(cost_pico + coalesce(upstream_pico, 0)) AS pico
    FROM opening_balance
    WHERE breakdown <> 'time' AND caller_id IS NOT NULL
    GROUP BY caller_id
) AS b ON b.caller_id = c.id
