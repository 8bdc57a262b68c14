-- model_usage: totals of each model, as served, else as asked for
SELECT model, {totals}
FROM (
    SELECT coalesce(model, model_asked) AS model, {sums}
    FROM request_status
    GROUP BY coalesce(model, model_asked)
) AS summed
