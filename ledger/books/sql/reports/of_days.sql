-- of_days: what requests come to by two keys, added up from UTC days; the reader fills it in
SELECT {key} AS key, {also} AS also, {resums}
FROM usage_days AS s {joins}
WHERE {conditions}
GROUP BY 1, 2
