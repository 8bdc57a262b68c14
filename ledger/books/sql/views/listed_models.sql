-- listed_models: each model as the provider lists it, by the ledger's last look at the catalogue
SELECT
    m.model, m.canonical_slug, m.name, m.created, m.context_length, m.max_completion_tokens,
    m.input_kinds, m.output_kinds, m.supported_parameters, m.is_moderated, m.expires_on,
    m.prompt_price, m.completion_price, m.request_price, m.pricing_text, m.seen_at AS since
FROM catalogue_model AS m
WHERE m.is_listed = 1
    AND NOT EXISTS (
        SELECT 1 FROM catalogue_model AS newer WHERE newer.model = m.model AND newer.id > m.id
    )
