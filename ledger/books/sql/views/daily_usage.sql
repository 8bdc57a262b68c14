-- daily_usage: totals of each UTC day in which requests started
SELECT day, {totals}
FROM (
    SELECT day, {resums}
    FROM usage_days
    GROUP BY day
) AS summed
