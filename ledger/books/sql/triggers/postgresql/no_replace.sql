-- no_replace: a key that is booked is refused before any ON CONFLICT could have its say
CREATE OR REPLACE FUNCTION {table}_no_replace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {exists} THEN
        RAISE EXCEPTION '{table} is insert-only: this row is already booked'
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_no_replace();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_replace
