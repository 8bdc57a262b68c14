-- reconcile_sums: credits by day, key and model, of the calls that one address of the provider may have charged
SELECT
    v.day, r.key_hash, coalesce(v.model, v.model_asked) AS model,
    count(*) AS requests,
    total_of(v.cost_pico) AS cost_pico,
    total_of(v.total_pico - v.cost_pico) AS upstream_pico,
    total_of(CASE WHEN v.total_pico > v.cost_pico THEN 1 ELSE 0 END) AS byok_requests,
    total_of(CASE WHEN v.cost_pico IS NULL THEN 1 ELSE 0 END) AS undecided
FROM request_status AS v
JOIN request AS r ON r.id = v.id
WHERE v.day >= :first AND v.day <= :last AND r.base_url = :base_url
    AND v.cost_grade <> 'not_charged'
GROUP BY v.day, r.key_hash, coalesce(v.model, v.model_asked)
ORDER BY v.day, r.key_hash, coalesce(v.model, v.model_asked)
