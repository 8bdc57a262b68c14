-- export_skill_log: the entries of each caller in its folder's openrouter_skill_log.json
SELECT r.caller_id, l.at, l.id, l.entry
FROM export_api_log AS l
JOIN request AS r ON r.id = l.id
