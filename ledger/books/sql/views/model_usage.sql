-- model_usage: totals of each model, as served, else as asked for
SELECT model, {totals}, opening_requests
FROM (
    SELECT model, {resums}, total_of(opening_requests) AS opening_requests
    FROM (
        SELECT model, {summed_columns}, 0 AS opening_requests FROM usage_days
        UNION ALL
        SELECT model, {opened} FROM usage_openings WHERE breakdown <> 'caller'
    ) AS known
    GROUP BY model
) AS summed
