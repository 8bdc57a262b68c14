-- monthly_usage: totals of each UTC month in which requests started
SELECT month, {totals}
FROM (
    SELECT substr(day, 1, 7) AS month, {resums}
    FROM usage_days
    GROUP BY substr(day, 1, 7)
) AS summed
