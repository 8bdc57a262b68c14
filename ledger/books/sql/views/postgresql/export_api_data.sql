-- export_api_data: the document of api_data.json: this session, and totals by caller, day and month
SELECT CAST(json_build_object(
    'current_session', (
        SELECT json_build_object(
            'start_time', max(p.first_seen_at),
            'total_requests', count(*),
            'total_cost', CAST(usd(total_of(s.total_pico)) AS numeric)
        )
        FROM process AS p
        JOIN request AS r ON r.process_id = p.id
        JOIN request_status AS s ON s.id = r.id
        WHERE p.id = (SELECT process_id FROM request ORDER BY id DESC LIMIT 1)
    ),
    'usage_by_caller', coalesce((
        SELECT json_object_agg(name, totals ORDER BY name COLLATE "C")
        FROM (
            SELECT
                coalesce(caller, '(unknown)') AS name,
                json_build_object(
                    'requests', requests + opening_requests,
                    'total_cost', CAST(usd(total_pico + declared_pico) AS numeric),
                    'total_tokens', prompt_tokens + completion_tokens + undivided_tokens,
                    'settled_cost', CAST(settled_usd AS numeric),
                    'declared_cost', CAST(declared_usd AS numeric),
                    'pending_requests', pending_requests,
                    'unknown_requests', unknown_requests
                ) AS totals
            FROM caller_usage
        ) AS callers
    ), CAST('{}' AS json)),
    'daily_totals', coalesce((
        SELECT json_object_agg(day, totals ORDER BY day)
        FROM (
            SELECT
                day,
                json_build_object(
                    'requests', requests + opening_requests,
                    'total_cost', CAST(usd(total_pico + declared_pico) AS numeric),
                    'total_tokens', prompt_tokens + completion_tokens + undivided_tokens,
                    'settled_cost', CAST(settled_usd AS numeric),
                    'declared_cost', CAST(declared_usd AS numeric),
                    'pending_requests', pending_requests,
                    'unknown_requests', unknown_requests
                ) AS totals
            FROM daily_usage
        ) AS days
    ), CAST('{}' AS json)),
    'monthly_totals', coalesce((
        SELECT json_object_agg(month, totals ORDER BY month)
        FROM (
            SELECT
                month,
                json_build_object(
                    'requests', requests + opening_requests,
                    'total_cost', CAST(usd(total_pico + declared_pico) AS numeric),
                    'total_tokens', prompt_tokens + completion_tokens + undivided_tokens,
                    'settled_cost', CAST(settled_usd AS numeric),
                    'declared_cost', CAST(declared_usd AS numeric),
                    'pending_requests', pending_requests,
                    'unknown_requests', unknown_requests
                ) AS totals
            FROM monthly_usage
        ) AS months
    ), CAST('{}' AS json))
) AS text) AS document
