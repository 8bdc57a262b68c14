-- stale: how many sums are to be made anew, counted up to a bound
SELECT count(*) FROM (SELECT 1 FROM stale_rollup LIMIT :most) AS counted
