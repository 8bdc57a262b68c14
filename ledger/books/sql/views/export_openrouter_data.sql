-- export_openrouter_data: the document of openrouter_data.json: how many requests, whose configs
SELECT json_object(
    'module_name', 'openrouter',
    'data', json_object(
        'total_requests', (SELECT count(*) FROM request),
        'successful_requests', (SELECT count(*) FROM outcome WHERE status = 'finished'),
        'failed_requests', (SELECT count(*) FROM outcome WHERE status <> 'finished'),
        'open_requests', (SELECT count(*) FROM request) - (SELECT count(*) FROM outcome),
        'refused_calls', (SELECT count(*) FROM refusal),
        'provisioned_configs', json((
            SELECT json_group_object(name, at)
            FROM (
                SELECT c.name, min(e.at) AS at
                FROM provisioning_event AS e
                JOIN {callers} AS c ON c.id = e.caller_id
                WHERE e.kind IN ('created', 'refused')
                GROUP BY c.name
                ORDER BY c.name
            ) AS provisioned
        )),
        'callers_tracked', json((
            SELECT json_group_array(name)
            FROM (SELECT DISTINCT name FROM {callers} AS c ORDER BY name) AS tracked
        ))
    )
) AS document
