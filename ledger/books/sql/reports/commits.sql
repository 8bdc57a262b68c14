-- commits: what requests came to by the commit of the program that made them; {conditions} is put in
SELECT git_commit, {sums}, count(CASE WHEN cost_grade <> 'declared' THEN total_pico END) AS known_requests,
    min(started_at) AS first_at, max(started_at) AS last_at
FROM (
    SELECT s.*, p.git_commit
    FROM request_status AS s
    JOIN request AS r ON r.id = s.id
    JOIN process AS p ON p.id = r.process_id
    WHERE {conditions}
) AS made
GROUP BY git_commit
ORDER BY min(started_at), git_commit
