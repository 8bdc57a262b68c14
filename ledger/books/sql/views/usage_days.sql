-- usage_days: totals of each UTC day, caller, model as served or else asked for, and provider
SELECT day, caller, model, provider, {totals}
FROM (
    SELECT
        day, c.name AS caller, nullif(model, '') AS model, nullif(provider, '') AS provider,
        {resums}
    FROM (
        SELECT period AS day, caller_id, model, provider, {summed_columns}
        FROM usage_day_rollup AS u
        WHERE NOT EXISTS (SELECT 1 FROM stale_rollup AS s WHERE s.period = u.period)
        UNION ALL
        -- Days that something came to: the quarters that it did not come to, and those anew.
        SELECT s.period AS day, caller_id, model, provider, {summed_columns}
        FROM stale_rollup AS s
        JOIN usage_rollup AS u ON u.period > s.period AND u.period < s.period || 'U'
        WHERE length(s.period) = 10
            AND NOT EXISTS (SELECT 1 FROM stale_rollup AS q WHERE q.period = u.period)
        UNION ALL
        SELECT substr(period, 1, 10) AS day, caller_id, model, provider, {summed_columns}
        FROM ({quarter_sums} WHERE length(s.period) = 27 GROUP BY 1, 2, 3, 4) AS raw
    ) AS booked
    LEFT JOIN {callers} AS c ON c.id = booked.caller_id
    GROUP BY day, c.name, model, provider
) AS summed
