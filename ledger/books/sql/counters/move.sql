-- move: change what balances have spent and held
UPDATE budget_rollup SET spent_pico = spent_pico + ?, held_pico = held_pico + ?
WHERE id IN ({ids})
RETURNING id, spent_pico, held_pico
