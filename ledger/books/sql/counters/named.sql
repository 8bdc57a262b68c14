-- named: the requests that name a generation
SELECT id FROM outcome WHERE generation_id = ?
UNION
SELECT id FROM response_start WHERE generation_id = ?
