-- no_truncate: TRUNCATE would remove all rows without telling the other triggers
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION insert_only();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_truncate
