-- export_api_log: the entries of api_log.json, one a request
SELECT
    started_at AS at,
    id,
    json_object(
        'timestamp', started_at,
        'caller', caller,
        'model', coalesce(model, model_asked),
        'generation_id', generation_id,
        'status', CASE status WHEN 'finished' THEN 'success' ELSE status END,
        'tokens', CASE
            WHEN prompt_tokens IS NULL AND completion_tokens IS NULL THEN undivided_tokens
            ELSE coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0)
        END,
        'cost', json(total_usd),
        'latency_ms', latency_ms
    ) AS entry
FROM request_status
