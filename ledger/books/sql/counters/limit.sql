-- limit: a new limit for every balance of a budget
UPDATE budget_rollup SET ceiling_pico = ? WHERE counted_as = ?
