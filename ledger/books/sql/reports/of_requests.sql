-- of_requests: what requests come to by two keys, from each of them; the reader fills it in
SELECT {key} AS key, {also} AS also, {sums}
FROM request_status AS s {joins}
WHERE {conditions}
GROUP BY 1, 2
