-- open: begin a balance, unless another has
INSERT INTO budget_rollup (id, counted_as, period, ceiling_pico, spent_pico, held_pico)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
