-- tag_usage: totals of each tag; a request with several tags is in the row of each
SELECT tag, {totals}, key, value
FROM (
    SELECT t.key || '=' || t.value AS tag, t.key, t.value, {sums}
    FROM {facts} AS s
    JOIN request_tag AS t ON t.request_id = s.id
    GROUP BY t.key, t.value
) AS summed
