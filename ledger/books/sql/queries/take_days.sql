-- take_days: the oldest stale days without a stale quarter are somebody's to fold
UPDATE stale_rollup SET folding = :token
WHERE period IN (
    SELECT d.period FROM stale_rollup AS d
    WHERE length(d.period) = 10 AND d.period < :before
        AND NOT EXISTS (
            SELECT 1 FROM stale_rollup AS q
            WHERE q.period > d.period AND q.period < d.period || 'U'
        )
    ORDER BY d.period
    LIMIT :most
)
