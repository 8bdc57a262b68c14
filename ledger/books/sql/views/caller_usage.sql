-- caller_usage: totals of each caller
SELECT caller, {totals}, opening_requests
FROM (
    SELECT caller, {resums}, total_of(opening_requests) AS opening_requests
    FROM (
        SELECT caller, {summed_columns}, 0 AS opening_requests FROM usage_days
        UNION ALL
        SELECT caller, {opened} FROM usage_openings WHERE breakdown <> 'time'
    ) AS known
    GROUP BY caller
) AS summed
