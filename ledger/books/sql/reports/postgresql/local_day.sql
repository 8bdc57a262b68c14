-- local_day: the day of an instant, so many seconds east of UTC
to_char(
    CAST(substr({at}, 1, 19) AS timestamp) + CAST('{offset} seconds' AS interval), 'YYYY-MM-DD'
)
