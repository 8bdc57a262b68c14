-- local_day: the day of an instant, so many seconds east of UTC
strftime('%Y-%m-%d', substr({at}, 1, 19), '{offset} seconds')
