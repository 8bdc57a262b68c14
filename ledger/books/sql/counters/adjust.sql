-- adjust: a balance as the facts have it
UPDATE budget_rollup SET ceiling_pico = ?, spent_pico = ?, held_pico = ? WHERE id = ?
