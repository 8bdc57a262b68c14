-- kept: the balances of a budget
SELECT period, spent_pico, held_pico FROM budget_rollup WHERE counted_as = ?
