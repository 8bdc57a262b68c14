-- shown: the name that a member of a chain is shown by, as reports show a renamed caller
coalesce(
    (
        SELECT a.name FROM caller_alias AS a
        JOIN caller AS booked ON booked.id = a.caller_id
        WHERE booked.name = parts.member
        ORDER BY a.id DESC
        LIMIT 1
    ),
    parts.member
)
