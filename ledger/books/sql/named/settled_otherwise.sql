-- settled_otherwise: requests whose settled cost is not the one that their answer reported
SELECT id, day, caller, generation_id, reported_usd, settled_usd, difference_usd
FROM cost_difference
ORDER BY abs(difference_pico) DESC, id
