-- text_by_bytes: text compares and sorts by its bytes, whatever the locale of the database
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT
            table_name,
            string_agg(format('ALTER %I TYPE text COLLATE "C"', column_name), ', ') AS changes
        FROM information_schema.columns
        WHERE table_schema = current_schema()
            AND table_name IN ({tables})
            AND data_type = 'text'
            AND collation_name IS NULL
        GROUP BY table_name
    LOOP
        EXECUTE format('ALTER TABLE %I %s', found.table_name, found.changes);
    END LOOP;
END
$$
