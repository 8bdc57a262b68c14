-- model_month: what each model cost in a month, with its tokens
-- :month month: the UTC month, such as 2026-11
SELECT
    coalesce(model, model_asked) AS model,
    count(*) AS requests,
    sum(prompt_tokens) AS prompt_tokens,
    sum(completion_tokens) AS completion_tokens,
    usd(sum(total_pico)) AS total_usd
FROM request_status
WHERE substr(day, 1, 7) = :month
GROUP BY coalesce(model, model_asked)
ORDER BY coalesce(sum(total_pico), 0) DESC, coalesce(coalesce(model, model_asked), '')
