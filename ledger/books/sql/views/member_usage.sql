-- member_usage: totals of each member of chains: all calls made through it, and (own_*) by itself
SELECT
    member, {totals}, opening_requests,
    own_requests, own_total_pico, usd(own_total_pico) AS own_total_usd
FROM (
    SELECT
        member, {resums}, total_of(opening_requests) AS opening_requests,
        total_of(own_requests) AS own_requests, total_of(own_total_pico) AS own_total_pico
    FROM (
        SELECT
            member, {sums}, 0 AS opening_requests, {own_sums}
        FROM {facts} AS s
        LEFT JOIN chain_member AS m ON m.chain = s.chain
        GROUP BY member
        UNION ALL
        -- A balance stands for a caller's calls; nobody knows through whom they were made.
        SELECT caller, {opened}, 0, 0 FROM usage_openings WHERE breakdown <> 'time'
    ) AS known
    GROUP BY member
) AS summed
