-- catalogue_endpoint_history: every listing of one model's offers, oldest first
SELECT
    model, endpoint, provider, quantization, max_prompt_tokens, is_listed, seen_at,
    context_length, max_completion_tokens, supported_parameters, pricing_text
FROM catalogue_endpoint
WHERE model = :model
ORDER BY id
