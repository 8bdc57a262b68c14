-- by_resolution: changes its request
SELECT r.started_at FROM request AS r WHERE r.id = NEW.request_id
