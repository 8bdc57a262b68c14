-- usage_quarters: totals of each quarter of an hour (UTC), caller, model as served or else asked for, provider
SELECT period, caller, model, provider, {totals}
FROM (
    SELECT
        period, c.name AS caller, nullif(model, '') AS model, nullif(provider, '') AS provider,
        {resums}
    FROM (
        SELECT period, caller_id, model, provider, {summed_columns}
        FROM usage_rollup AS u
        WHERE NOT EXISTS (SELECT 1 FROM stale_rollup AS s WHERE s.period = u.period)
        UNION ALL
        SELECT period, caller_id, model, provider, {summed_columns}
        FROM ({quarter_sums} WHERE length(s.period) = 27 GROUP BY 1, 2, 3, 4) AS raw
    ) AS booked
    LEFT JOIN {callers} AS c ON c.id = booked.caller_id
    GROUP BY period, c.name, model, provider
) AS summed
