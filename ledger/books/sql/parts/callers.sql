-- callers: every caller under the name it is shown by: the last it was renamed to, else its own
(
    SELECT
        known.id,
        coalesce(
            (
                SELECT a.name FROM caller_alias AS a
                WHERE a.caller_id = known.id
                ORDER BY a.id DESC
                LIMIT 1
            ),
            known.name
        ) AS name
    FROM caller AS known
)
