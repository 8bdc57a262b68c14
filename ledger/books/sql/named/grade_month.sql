-- grade_month: how sure a month's total is: requests and amounts by the grade of their cost
-- :month month: the UTC month, such as 2026-11
SELECT cost_grade, count(*) AS requests, usd(sum(total_pico)) AS total_usd
FROM request_status
WHERE substr(day, 1, 7) = :month
GROUP BY cost_grade
ORDER BY cost_grade
