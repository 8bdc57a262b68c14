-- fold_quarters: sums of the quarters that somebody has taken to fold, by the raw rows
{quarter_sums}
WHERE s.folding = :token AND length(s.period) = 27
GROUP BY 1, 2, 3, 4
