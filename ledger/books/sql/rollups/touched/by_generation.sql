-- by_generation: changes all requests that name it
SELECT r.started_at
FROM outcome AS o
JOIN request AS r ON r.id = o.id
WHERE o.generation_id = NEW.generation_id
UNION ALL
SELECT r.started_at
FROM response_start AS b
JOIN request AS r ON r.id = b.id
WHERE b.generation_id = NEW.generation_id
