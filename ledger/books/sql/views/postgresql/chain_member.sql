-- chain_member: who is in which chain, one row a member; is_caller is 1 for its last
SELECT chain, member, max(is_last) AS is_caller
FROM (
    SELECT
        parts.chain, {shown} AS member,
        CASE WHEN parts.position = parts.members THEN 1 ELSE 0 END AS is_last
    FROM (
        SELECT chains.chain, part.member, part.position, cardinality(chains.names) AS members
        FROM (
            SELECT DISTINCT chain, string_to_array(chain, '->') AS names
            FROM request
            WHERE chain IS NOT NULL
        ) AS chains, unnest(chains.names) WITH ORDINALITY AS part (member, position)
    ) AS parts
) AS members
GROUP BY chain, member
