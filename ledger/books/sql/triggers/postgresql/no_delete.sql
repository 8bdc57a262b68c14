-- no_delete: facts are never deleted, nor by who switches the ordinary triggers off
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION insert_only();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_delete
