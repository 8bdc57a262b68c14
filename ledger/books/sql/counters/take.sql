-- take: hold an amount in balances that have room for it
UPDATE budget_rollup SET held_pico = held_pico + ?
WHERE id IN ({ids}) AND (ceiling_pico IS NULL OR spent_pico + held_pico <= ceiling_pico - ?)
RETURNING id, spent_pico, held_pico
