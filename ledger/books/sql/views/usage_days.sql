-- usage_days: totals of each UTC day, caller, model as served or else asked for, and provider
SELECT day, caller, model, provider, {totals}
FROM (
    SELECT
        day, caller,
        nullif(coalesce(model, model_asked), '') AS model,
        nullif(provider, '') AS provider,
        {sums}
    FROM request_status
    GROUP BY day, caller, nullif(coalesce(model, model_asked), ''), nullif(provider, '')
) AS summed
