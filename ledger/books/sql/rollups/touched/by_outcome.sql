-- by_outcome: changes its request, those that name its generation, and those that name the one begun
SELECT r.started_at FROM request AS r WHERE r.id = NEW.id
UNION ALL
SELECT r.started_at
FROM outcome AS o
JOIN request AS r ON r.id = o.id
WHERE o.generation_id = NEW.generation_id AND o.id <> NEW.id
UNION ALL
SELECT r.started_at
FROM response_start AS b
JOIN request AS r ON r.id = b.id
WHERE b.generation_id = NEW.generation_id AND b.id <> NEW.id
UNION ALL
SELECT r.started_at
FROM response_start AS mine
JOIN outcome AS o ON o.generation_id = mine.generation_id
JOIN request AS r ON r.id = o.id
WHERE mine.id = NEW.id AND o.id <> NEW.id
UNION ALL
SELECT r.started_at
FROM response_start AS mine
JOIN response_start AS b ON b.generation_id = mine.generation_id
JOIN request AS r ON r.id = b.id
WHERE mine.id = NEW.id AND b.id <> NEW.id
