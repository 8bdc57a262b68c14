-- of_members: what went through members of chains, and what each asked itself; the reader fills it in
SELECT {key} AS key, {also} AS also, {sums}, {own_sums}
FROM request_status AS s {joins}
WHERE {conditions}
GROUP BY 1, 2
