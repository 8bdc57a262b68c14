-- extent: the first and the last UTC day of which the books have requests
SELECT min(day) AS first, max(day) AS last FROM request
