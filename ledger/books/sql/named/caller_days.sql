-- caller_days: what one caller spent on each day of a period
-- :caller text: the caller's name
-- :since day: the first UTC day, such as 2026-11-01
-- :until day = 9999-12-31: the last one
SELECT day, count(*) AS requests, usd(sum(total_pico)) AS total_usd
FROM request_status
WHERE caller = :caller AND day >= :since AND day <= :until
GROUP BY day
ORDER BY day
