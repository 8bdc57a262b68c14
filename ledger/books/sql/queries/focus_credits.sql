-- focus_credits: what the provider said of credits bought, each time that it was asked
SELECT at, total_credits_pico
FROM credit_snapshot
WHERE total_credits_pico > 0
ORDER BY at, id
