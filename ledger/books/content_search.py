"""Full text over stored content: FTS5 on SQLite, tsvector on PostgreSQL.

On SQLite the index is made by the first search, brought up to date by each, and dropped by a purge:
so a call never waits for it, and where nobody stores content there is none. PostgreSQL looks at the
first 200,000 characters of a text: its index takes no more than a mebibyte of words.
"""

from sqlalchemy import Connection, text

from ledger.books import sql_files
from ledger.books.books import Books
from ledger.books.unit import Transaction

TABLE = "content_search"


def refresh(books: Books) -> None:
    """Index what was stored since the last search.

    Raises:
        LedgerUnavailable: the books can't be written.
    """
    books.writer.write(_fill)


def query(words: str, engine: str) -> tuple[str, str]:
    """SQL that yields the ids of content with all these words, and the value of its `:words`."""
    sql = sql_files.load("content", engine)["matches"].body
    if engine != "sqlite":
        return sql, words
    quoted = ('"' + word.replace('"', '""') + '"' for word in words.split())
    return sql, " ".join(quoted)  # quoted, a word is never an operator of the search


def drop(connection: Connection) -> None:
    """Forget the index, where the engine keeps it in a table of its own."""
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"DROP TABLE IF EXISTS {TABLE}"))


def _fill(transaction: Transaction) -> None:
    connection = transaction.connection
    if connection.dialect.name == "sqlite":
        for name in ("make_search", "fill_search"):
            connection.execute(text(sql_files.load("content", "sqlite")[name].body))
