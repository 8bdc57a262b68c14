-- lock: keep balances from others until the end, in the one order of all
SELECT id FROM budget_rollup WHERE id IN ({ids}) ORDER BY id FOR UPDATE
