-- no_update: facts are never changed, nor by who switches the ordinary triggers off
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION insert_only();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_update
