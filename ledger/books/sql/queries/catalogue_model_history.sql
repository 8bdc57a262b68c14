-- catalogue_model_history: every listing of one model, oldest first
SELECT
    model, name, input_kinds, output_kinds, expires_on, is_listed, seen_at, context_length,
    max_completion_tokens, supported_parameters, pricing_text
FROM catalogue_model
WHERE model = :model
ORDER BY id
