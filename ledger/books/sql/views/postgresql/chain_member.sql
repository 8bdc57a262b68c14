-- chain_member: who is in which chain, one row a member; is_caller is 1 for its last
SELECT chain, member, max(is_caller) AS is_caller
FROM (
    SELECT
        chains.chain, part.member,
        CASE WHEN part.position = cardinality(chains.parts) THEN 1 ELSE 0 END AS is_caller
    FROM (
        SELECT DISTINCT chain, string_to_array(chain, '->') AS parts
        FROM request
        WHERE chain IS NOT NULL
    ) AS chains, unnest(chains.parts) WITH ORDINALITY AS part (member, position)
) AS members
GROUP BY chain, member
