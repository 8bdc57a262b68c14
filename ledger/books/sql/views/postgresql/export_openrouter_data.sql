-- export_openrouter_data: the document of openrouter_data.json: how many requests, whose configs
SELECT CAST(json_build_object(
    'module_name', 'openrouter',
    'data', json_build_object(
        'total_requests', (SELECT count(*) FROM request),
        'successful_requests', (SELECT count(*) FROM outcome WHERE status = 'finished'),
        'failed_requests', (SELECT count(*) FROM outcome WHERE status <> 'finished'),
        'open_requests', (SELECT count(*) FROM request) - (SELECT count(*) FROM outcome),
        'refused_calls', (SELECT count(*) FROM refusal),
        'provisioned_configs', coalesce((
            SELECT json_object_agg(name, at ORDER BY name COLLATE "C")
            FROM (
                SELECT c.name, min(e.at) AS at
                FROM provisioning_event AS e
                JOIN {callers} AS c ON c.id = e.caller_id
                WHERE e.kind IN ('created', 'refused')
                GROUP BY c.name
            ) AS provisioned
        ), CAST('{}' AS json)),
        'callers_tracked', coalesce((
            SELECT json_agg(name ORDER BY name COLLATE "C")
            FROM (SELECT DISTINCT name FROM {callers} AS c) AS tracked
        ), CAST('[]' AS json))
    )
) AS text) AS document
