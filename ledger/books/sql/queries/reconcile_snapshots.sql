-- reconcile_snapshots: what the provider said of the account's used credits, in some time
SELECT at, total_usage_pico
FROM credit_snapshot
WHERE at >= :start AND at < :end AND total_usage_pico IS NOT NULL
ORDER BY id
