-- stale: what a new fact changes is marked, so that totals of its quarter and day read the raw rows
CREATE TRIGGER {table}_stale AFTER INSERT ON {table}
WHEN EXISTS (
    SELECT 1 FROM ({touched}) AS touched
    WHERE NOT EXISTS (
        SELECT 1 FROM stale_rollup AS s
        WHERE s.period = quarter_of(touched.started_at) AND s.folding = 0
    )
)
BEGIN
    INSERT INTO stale_rollup (period, folding)
    SELECT quarter_of(touched.started_at), 0 FROM ({touched}) AS touched
    UNION
    SELECT substr(touched.started_at, 1, 10), 0 FROM ({touched}) AS touched WHERE true
    ON CONFLICT (period) DO UPDATE SET folding = 0;
END
