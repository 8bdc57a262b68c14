-- daily_usage: totals of each UTC day in which requests started
SELECT day, {totals}, opening_requests
FROM (
    SELECT day, {resums}, total_of(opening_requests) AS opening_requests
    FROM (
        SELECT day, {summed_columns}, 0 AS opening_requests FROM usage_days
        UNION ALL
        SELECT day, {opened} FROM usage_openings WHERE breakdown <> 'caller'
    ) AS known
    GROUP BY day
) AS summed
