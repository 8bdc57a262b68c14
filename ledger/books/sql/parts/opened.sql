-- opened: the columns that rollups hold, of opening balances, and how many calls these stand for
0 AS requests, 0 AS finished, 0 AS failed, 0 AS cancelled, 0 AS interrupted, 0 AS open_requests,
0 AS prompt_tokens, 0 AS completion_tokens,
0 AS cost_pico, 0 AS upstream_pico, 0 AS total_pico, 0 AS settled_pico, 0 AS reported_pico,
0 AS settled_requests, 0 AS reported_requests, 0 AS pending_requests, 0 AS unknown_requests,
0 AS not_charged_requests,
declared_pico, 0 AS declared_requests, tokens AS undivided_tokens, requests AS opening_requests
