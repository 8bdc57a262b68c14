-- take_quarters: the oldest stale quarters that began before a moment are somebody's to fold
UPDATE stale_rollup SET folding = :token
WHERE period IN (
    SELECT period FROM stale_rollup
    WHERE length(period) = 27 AND period < :before
    ORDER BY period
    LIMIT :most
)
