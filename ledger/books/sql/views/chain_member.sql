-- chain_member: who is in which chain, one row a member; is_caller is 1 for its last
SELECT chain, member, max(is_last) AS is_caller
FROM (
    SELECT chain, {shown} AS member, CASE rest WHEN '' THEN 1 ELSE 0 END AS is_last
    FROM (
        WITH RECURSIVE part (chain, member, rest) AS (
            SELECT chain, NULL, chain || '->'
            FROM (SELECT DISTINCT chain FROM request WHERE chain IS NOT NULL) AS chains
            UNION ALL
            SELECT
                chain, substr(rest, 1, instr(rest, '->') - 1),
                substr(rest, instr(rest, '->') + 2)
            FROM part
            WHERE rest <> ''
        )
        SELECT chain, member, rest FROM part WHERE member IS NOT NULL
    ) AS parts
) AS members
GROUP BY chain, member
