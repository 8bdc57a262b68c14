-- members: the same where a key is a member of chains, with what each asked itself
SELECT {key} AS key, {also} AS also, {graded}, {graded_own}
FROM request_status AS s {joins}
WHERE {conditions}
GROUP BY 1, 2
