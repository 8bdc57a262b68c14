-- catalogue_models_at: the newest listing of each model, or of one, at a time
SELECT
    model, name, input_kinds, output_kinds, expires_on, is_listed, seen_at, context_length,
    max_completion_tokens, supported_parameters, pricing_text
FROM catalogue_model AS listed
WHERE seen_at <= :at
    AND (model = :model OR CAST(:model AS text) IS NULL)
    AND NOT EXISTS (
        SELECT 1 FROM catalogue_model AS newer
        WHERE newer.model = listed.model
            AND newer.id > listed.id AND newer.seen_at <= :at
    )
ORDER BY model
