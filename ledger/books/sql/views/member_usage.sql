-- member_usage: totals of each member of chains: all calls made through it, and (own_*) by itself
SELECT
    member, {totals}, own_requests, own_total_pico, usd(own_total_pico) AS own_total_usd
FROM (
    SELECT
        member, {sums},
        count(CASE WHEN is_caller = 0 THEN NULL ELSE 1 END) AS own_requests,
        total_of(CASE WHEN is_caller = 0 THEN NULL ELSE total_pico END) AS own_total_pico
    FROM request_status AS s
    LEFT JOIN chain_member AS m ON m.chain = s.chain
    GROUP BY member
) AS summed
