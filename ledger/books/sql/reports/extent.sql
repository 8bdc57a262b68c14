-- extent: the first and the last UTC day of which the books have requests, or opening balances
SELECT min(first) AS first, max(last) AS last
FROM (
    SELECT min(day) AS first, max(day) AS last FROM request
    UNION ALL
    SELECT min(day) AS first, max(day) AS last FROM opening_balance
) AS known
