-- model_usage: totals of each model, as served, else as asked for
SELECT model, {totals}
FROM (
    SELECT model, {resums}
    FROM usage_days
    GROUP BY model
) AS summed
