-- of_quarters: what requests come to by two keys, from quarters of an hour; the reader fills it in
SELECT {key} AS key, {also} AS also, {resums}
FROM usage_quarters AS s {joins}
WHERE {conditions}
GROUP BY 1, 2
