-- usage_quarters: totals of each quarter of an hour (UTC), caller, model as served or else asked for, provider
SELECT period, caller, model, provider, {totals}
FROM (
    SELECT
        quarter_of(started_at) AS period, caller,
        nullif(coalesce(model, model_asked), '') AS model,
        nullif(provider, '') AS provider,
        {sums}
    FROM request_status
    GROUP BY
        quarter_of(started_at), caller, nullif(coalesce(model, model_asked), ''),
        nullif(provider, '')
) AS summed
