-- summed_columns: the columns that rollups hold beside their keys
requests, finished, failed, cancelled, interrupted, open_requests,
prompt_tokens, completion_tokens,
cost_pico, upstream_pico, total_pico, settled_pico, reported_pico,
settled_requests, reported_requests, pending_requests, unknown_requests, not_charged_requests,
declared_pico, declared_requests, undivided_tokens
