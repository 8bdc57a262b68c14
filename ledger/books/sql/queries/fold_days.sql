-- fold_days: sums of the days that somebody has taken to fold, by their quarters
SELECT s.period, u.caller_id, u.model, u.provider, {resums}
FROM stale_rollup AS s
JOIN usage_rollup AS u ON u.period > s.period AND u.period < s.period || 'U'
WHERE s.folding = :token AND length(s.period) = 10
GROUP BY 1, 2, 3, 4
