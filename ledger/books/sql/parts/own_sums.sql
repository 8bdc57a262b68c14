-- own_sums: beside what went through a member of chains, what it asked itself
count(CASE WHEN is_caller = 0 THEN NULL ELSE 1 END) AS own_requests,
total_of(CASE WHEN is_caller = 0 OR cost_grade = 'declared' THEN NULL ELSE total_pico END)
    AS own_total_pico
