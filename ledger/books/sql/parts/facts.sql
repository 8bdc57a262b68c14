-- facts: one row a request, as all that is known of it comes to now; its caller is an id
(
    SELECT
        known.*,
        CASE
            WHEN cost_pico IS NULL THEN NULL
            WHEN is_byok = 1 THEN cost_pico + coalesce(upstream_pico, 0)
            ELSE cost_pico
        END AS total_pico
    FROM (
        SELECT
            r.id, r.started_at, r.day, r.caller_id, r.chain, r.source, r.endpoint,
            r.model_asked,
            coalesce(o.model, g.model) AS model,
            coalesce(o.provider, g.provider) AS provider,
            coalesce(o.status, 'open') AS status,
            coalesce(o.generation_id, s.generation_id) AS generation_id,
            coalesce(g.native_tokens_prompt, o.prompt_tokens, g.tokens_prompt) AS prompt_tokens,
            coalesce(g.native_tokens_completion, o.completion_tokens, g.tokens_completion)
                AS completion_tokens,
            coalesce(g.cost_pico, o.cost_pico, i.cost_pico, d.cost_pico) AS cost_pico,
            coalesce(g.upstream_pico, o.upstream_pico, i.upstream_pico) AS upstream_pico,
            coalesce(g.is_byok, o.is_byok, CASE WHEN i.upstream_pico > 0 THEN 1 END) AS is_byok,
            CASE
                WHEN g.id IS NOT NULL THEN 'settled'
                WHEN i.cost_pico IS NOT NULL OR d.id IS NOT NULL THEN 'declared'
                WHEN o.id IS NULL AND s.id IS NULL THEN 'unknown'
                WHEN coalesce(o.cost_grade, 'pending') = 'pending' AND (
                    EXISTS (
                        SELECT 1 FROM settlement_attempt AS a
                        WHERE a.generation_id = coalesce(o.generation_id, s.generation_id)
                            AND a.result = 'given_up'
                    )
                    OR EXISTS (
                        SELECT 1 FROM generation AS counted
                        WHERE counted.generation_id = coalesce(o.generation_id, s.generation_id)
                    )
                ) THEN 'unknown'
                ELSE coalesce(o.cost_grade, 'pending')
            END AS cost_grade,
            o.latency_ms,
            g.generation_time_ms,
            CASE
                WHEN o.error_message IS NULL THEN o.error_type
                ELSE o.error_type || ': ' || o.error_message
            END AS error,
            -- Tokens of which no more than the sum is known.
            CASE
                WHEN coalesce(
                    g.native_tokens_prompt, o.prompt_tokens, g.tokens_prompt,
                    g.native_tokens_completion, o.completion_tokens, g.tokens_completion
                ) IS NULL THEN o.total_tokens
            END AS undivided_tokens
        FROM request AS r
        LEFT JOIN outcome AS o ON o.id = r.id
        -- What a file says of a call that was not recorded here.
        LEFT JOIN imported_call AS i ON i.id = r.id
        -- An operator's word, where the answer said nothing.
        LEFT JOIN resolution AS d ON d.request_id = r.id AND o.cost_pico IS NULL
            AND coalesce(o.cost_grade, 'unknown') <> 'not_charged'
        -- What an answer without an end has shown of itself.
        LEFT JOIN response_start AS s ON s.id = r.id AND o.id IS NULL
        -- One record is one charge: of requests that name the same, the first has it.
        LEFT JOIN generation AS g ON g.generation_id = coalesce(o.generation_id, s.generation_id)
            AND NOT EXISTS (
                SELECT 1 FROM outcome AS earlier
                WHERE earlier.generation_id = g.generation_id AND earlier.id < r.id
            )
            AND NOT EXISTS (
                SELECT 1 FROM response_start AS begun
                LEFT JOIN outcome AS ended ON ended.id = begun.id
                WHERE begun.generation_id = g.generation_id AND begun.id < r.id
                    AND ended.id IS NULL
            )
    ) AS known
)
