-- export_openrouter_log: the entries of openrouter_log.json: provisioning, refusals, failures
SELECT
    at,
    id,
    CAST(json_build_object(
        'timestamp', at,
        'operation', operation,
        'caller', caller,
        'success', success = 1,
        'details', details
    ) AS text) AS entry
FROM (
    SELECT
        e.at, e.id, 'provision_config' AS operation, c.name AS caller,
        CASE e.kind WHEN 'refused' THEN 0 ELSE 1 END AS success,
        CASE e.kind
            WHEN 'created' THEN 'Created API config at ' || e.path
            WHEN 'found' THEN 'Found API config at ' || e.path
            WHEN 'changed' THEN 'Read changed API config at ' || e.path
            ELSE coalesce(e.reason, 'Refused') || '; created API config at ' || e.path
        END AS details
    FROM provisioning_event AS e
    LEFT JOIN {callers} AS c ON c.id = e.caller_id
    UNION ALL
    SELECT
        f.at, f.id, 'refuse_call', coalesce(c.name, f.caller_name), 0,
        f.reason || ': ' || f.message
    FROM refusal AS f
    LEFT JOIN {callers} AS c ON c.id = f.caller_id
    UNION ALL
    SELECT
        o.ended_at, o.id, 'request_failed', c.name, 0,
        CASE
            WHEN o.error_type IS NULL THEN o.status
            WHEN o.error_message IS NULL THEN o.error_type
            ELSE o.error_type || ': ' || o.error_message
        END
    FROM outcome AS o
    JOIN request AS r ON r.id = o.id
    LEFT JOIN {callers} AS c ON c.id = r.caller_id
    WHERE o.status <> 'finished'
) AS operations
