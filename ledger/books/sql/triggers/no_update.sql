-- no_update: facts are never changed
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN
    SELECT RAISE(ABORT, '{table} is insert-only: rows are never updated');
END
