-- show: what balances have spent and held
SELECT id, spent_pico, held_pico FROM budget_rollup WHERE id IN ({ids})
