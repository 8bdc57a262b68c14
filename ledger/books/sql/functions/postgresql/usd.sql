-- usd: exact USD text of whole picodollars, for the statements that people ask
CREATE OR REPLACE FUNCTION usd (pico numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF pico <> trunc(pico) OR pico = 'NaN' THEN
        RAISE EXCEPTION 'usd takes whole numbers of 1e-12 USD, such as sum(cost_pico)';
    END IF;
    RETURN CASE WHEN pico < 0 THEN '-' ELSE '' END
        || CAST(div(abs(pico), 1000000000000) AS text) || '.'
        || coalesce(
            nullif(rtrim(lpad(CAST(mod(abs(pico), 1000000000000) AS text), 12, '0'), '0'), ''), '0'
        );
END
$$
