-- caller_usage: totals of each caller
SELECT caller, {totals}
FROM (
    SELECT caller, {resums}
    FROM usage_days
    GROUP BY caller
) AS summed
