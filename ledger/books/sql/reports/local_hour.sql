-- local_hour: the hour of an instant, so many seconds east of UTC
strftime('%Y-%m-%dT%H:00', substr({at}, 1, 19), '{offset} seconds')
