-- stale: as on SQLite; a mark that is there is held, so that no fold overlooks what is not committed
CREATE OR REPLACE FUNCTION {table}_stale() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    quarter text;
BEGIN
    FOR quarter IN
        SELECT DISTINCT quarter_of(touched.started_at) AS period
        FROM ({touched}) AS touched
        ORDER BY period
    LOOP
        PERFORM 1 FROM stale_rollup WHERE period = quarter AND folding = 0 FOR SHARE;
        IF NOT FOUND THEN
            INSERT INTO stale_rollup (period, folding)
            VALUES (substr(quarter, 1, 10), 0), (quarter, 0)
            ON CONFLICT (period) DO UPDATE SET folding = 0;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER {table}_stale AFTER INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_stale()
