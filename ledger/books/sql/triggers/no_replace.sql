-- no_replace: INSERT OR REPLACE would delete the old row without telling the other triggers
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN {exists}
BEGIN
    SELECT RAISE(ABORT, '{table} is insert-only: this row is already booked');
END
