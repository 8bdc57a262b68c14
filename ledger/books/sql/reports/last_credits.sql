-- last_credits: what the provider last said of the account's credits
SELECT at, total_credits_pico, total_usage_pico
FROM credit_snapshot
WHERE total_credits_pico IS NOT NULL AND total_usage_pico IS NOT NULL
ORDER BY at DESC, id DESC
LIMIT 1
