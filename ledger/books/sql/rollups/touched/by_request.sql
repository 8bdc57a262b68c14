-- by_request: a new request is in its own quarter
SELECT NEW.started_at AS started_at
