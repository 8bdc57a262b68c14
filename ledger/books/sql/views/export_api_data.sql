-- export_api_data: the document of api_data.json: this session, and totals by caller, day and month
SELECT json_object(
    'current_session', json((
        SELECT json_object(
            'start_time', max(p.first_seen_at),
            'total_requests', count(*),
            'total_cost', json(usd(total_of(s.total_pico)))
        )
        FROM process AS p
        JOIN request AS r ON r.process_id = p.id
        JOIN request_status AS s ON s.id = r.id
        WHERE p.id = (SELECT process_id FROM request ORDER BY id DESC LIMIT 1)
    )),
    'usage_by_caller', json((
        SELECT json_group_object(name, json(totals))
        FROM (
            SELECT
                coalesce(caller, '(unknown)') AS name,
                json_object(
                    'requests', requests + opening_requests,
                    'total_cost', json(usd(total_pico + declared_pico)),
                    'total_tokens', prompt_tokens + completion_tokens + undivided_tokens,
                    'settled_cost', json(settled_usd),
                    'declared_cost', json(declared_usd),
                    'pending_requests', pending_requests,
                    'unknown_requests', unknown_requests
                ) AS totals
            FROM caller_usage
            ORDER BY coalesce(caller, '(unknown)')
        ) AS callers
    )),
    'daily_totals', json((
        SELECT json_group_object(day, json(totals))
        FROM (
            SELECT
                day,
                json_object(
                    'requests', requests + opening_requests,
                    'total_cost', json(usd(total_pico + declared_pico)),
                    'total_tokens', prompt_tokens + completion_tokens + undivided_tokens,
                    'settled_cost', json(settled_usd),
                    'declared_cost', json(declared_usd),
                    'pending_requests', pending_requests,
                    'unknown_requests', unknown_requests
                ) AS totals
            FROM daily_usage
            ORDER BY day
        ) AS days
    )),
    'monthly_totals', json((
        SELECT json_group_object(month, json(totals))
        FROM (
            SELECT
                month,
                json_object(
                    'requests', requests + opening_requests,
                    'total_cost', json(usd(total_pico + declared_pico)),
                    'total_tokens', prompt_tokens + completion_tokens + undivided_tokens,
                    'settled_cost', json(settled_usd),
                    'declared_cost', json(declared_usd),
                    'pending_requests', pending_requests,
                    'unknown_requests', unknown_requests
                ) AS totals
            FROM monthly_usage
            ORDER BY month
        ) AS months
    ))
) AS document
