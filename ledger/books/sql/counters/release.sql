-- release: change what balances have spent and held, unless the hold has an end already
UPDATE budget_rollup SET spent_pico = spent_pico + ?, held_pico = held_pico + ?
WHERE id IN ({ids}) AND NOT EXISTS (SELECT 1 FROM hold_end AS e WHERE e.id = ?)
RETURNING id, spent_pico, held_pico
