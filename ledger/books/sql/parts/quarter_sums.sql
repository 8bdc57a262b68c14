-- quarter_sums: sums of the stale quarters by the raw rows; a WHERE on `s` and GROUP BY 1, 2, 3, 4 follow
SELECT
    s.period,
    coalesce(f.caller_id, '') AS caller_id,
    coalesce(f.model, f.model_asked, '') AS model,
    coalesce(f.provider, '') AS provider,
    {sums}
FROM stale_rollup AS s
JOIN request AS r ON r.started_at >= s.period AND r.started_at <= quarter_end_of(s.period)
JOIN {facts} AS f ON f.id = r.id
