-- caller_usage: totals of each caller
SELECT caller, {totals}
FROM (
    SELECT caller, {sums}
    FROM request_status
    GROUP BY caller
) AS summed
