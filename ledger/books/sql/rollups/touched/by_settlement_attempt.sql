-- by_settlement_attempt: changes all requests that name its generation, once it is given up
SELECT r.started_at
FROM outcome AS o
JOIN request AS r ON r.id = o.id
WHERE o.generation_id = NEW.generation_id AND NEW.result = 'given_up'
UNION ALL
SELECT r.started_at
FROM response_start AS b
JOIN request AS r ON r.id = b.id
WHERE b.generation_id = NEW.generation_id AND NEW.result = 'given_up'
