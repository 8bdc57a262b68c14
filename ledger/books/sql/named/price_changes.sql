-- price_changes: every price of a model that was booked, oldest first, in USD a token
-- :model text: the model's slug
SELECT seen_at, is_listed, prompt_price, completion_price, request_price, context_length
FROM catalogue_model
WHERE model = :model
ORDER BY id
