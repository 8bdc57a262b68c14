-- tag_values: totals by the values of one tag's key; NULL are the requests without it
SELECT tag, {totals}, key, value
FROM (
    SELECT t.key || '=' || t.value AS tag, t.key, t.value, {sums}
    FROM request_status AS s
    LEFT JOIN request_tag AS t ON t.request_id = s.id AND t.key = :key
    GROUP BY t.key, t.value
) AS summed
ORDER BY tag NULLS FIRST
