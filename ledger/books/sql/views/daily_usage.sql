-- daily_usage: totals of each UTC day in which requests started
SELECT day, {totals}
FROM (
    SELECT day, {sums}
    FROM request_status
    GROUP BY day
) AS summed
