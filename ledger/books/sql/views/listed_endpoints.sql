-- listed_endpoints: each provider's offer of a model, by the ledger's last look at the catalogue
SELECT
    e.model, e.endpoint, e.provider, e.quantization, e.context_length, e.max_completion_tokens,
    e.max_prompt_tokens, e.supported_parameters, e.prompt_price, e.completion_price,
    e.request_price, e.pricing_text, e.seen_at AS since
FROM catalogue_endpoint AS e
WHERE e.is_listed = 1
    AND NOT EXISTS (
        SELECT 1 FROM catalogue_endpoint AS newer
        WHERE newer.model = e.model AND newer.endpoint = e.endpoint AND newer.id > e.id
    )
