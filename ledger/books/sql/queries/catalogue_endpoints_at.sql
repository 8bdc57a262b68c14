-- catalogue_endpoints_at: the newest listing of each offer, of all models or one, at a time
SELECT
    model, endpoint, provider, quantization, max_prompt_tokens, is_listed, seen_at,
    context_length, max_completion_tokens, supported_parameters, pricing_text
FROM catalogue_endpoint AS listed
WHERE seen_at <= :at
    AND (model = :model OR CAST(:model AS text) IS NULL)
    AND NOT EXISTS (
        SELECT 1 FROM catalogue_endpoint AS newer
        WHERE newer.model = listed.model AND newer.endpoint = listed.endpoint
            AND newer.id > listed.id AND newer.seen_at <= :at
    )
ORDER BY model, endpoint
