-- one_generation_twice: generations that more than one request names; each is one charge
SELECT generation_id, count(*) AS requests, min(id) AS first_id, max(id) AS last_id
FROM request_status
WHERE generation_id IS NOT NULL
GROUP BY generation_id
HAVING count(*) > 1
ORDER BY generation_id
