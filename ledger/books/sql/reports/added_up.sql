-- added_up: what requests come to, by two keys; the reader puts in keys, joins and conditions
SELECT {key} AS key, {also} AS also, {graded}
FROM request_status AS s {joins}
WHERE {conditions}
GROUP BY 1, 2
