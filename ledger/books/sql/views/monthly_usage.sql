-- monthly_usage: totals of each UTC month in which requests started
SELECT month, {totals}, opening_requests
FROM (
    SELECT substr(day, 1, 7) AS month, {resums}, total_of(opening_requests) AS opening_requests
    FROM (
        SELECT day, {summed_columns}, 0 AS opening_requests FROM usage_days
        UNION ALL
        SELECT day, {opened} FROM usage_openings WHERE breakdown <> 'caller'
    ) AS known
    GROUP BY substr(day, 1, 7)
) AS summed
