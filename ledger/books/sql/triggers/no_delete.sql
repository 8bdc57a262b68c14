-- no_delete: facts are never deleted
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN
    SELECT RAISE(ABORT, '{table} is insert-only: rows are never deleted');
END
