"""Stored content, read: what was asked and answered, searched, and a conversation's last state."""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, text

from ledger.books import content_search
from ledger.books.books import Books
from ledger.errors import NotFoundInLedger
from ledger.reports.rows import ViewRow

_SELECT = """
    SELECT c.id, c.request_id, c.at, s.caller, s.chain, coalesce(s.model, s.model_asked) AS model,
        c.conversation_id, c.position, c.kind, c.role, c.text, c.message
    FROM content AS c
    JOIN request_status AS s ON s.id = c.request_id
"""
_NOTHING = (
    "Storing is off unless store_messages and store_answers are switched on, in"
    " openrouter_config.json or for a call."
)


class StoredMessage(ViewRow):
    """One message that was sent, or an answer.

    Attributes:
        position: its place in the conversation; None outside of one, and for what a handler added.
        kind: `message` or `answer`.
        text: what there is to read in it.
        message: the whole message as JSON, where there is more than a role and a text.
    """

    id: str
    request_id: str
    at: dt.datetime
    caller: str | None
    chain: str | None
    model: str | None
    conversation_id: str | None
    position: int | None
    kind: str
    role: str | None
    text: str
    message: str | None


def latest(
    books: Books, *, limit: int, caller: str | None = None, words: str | None = None
) -> list[StoredMessage]:
    """The latest messages and answers, oldest first.

    Args:
        books: what is read.
        limit: how many at most.
        caller: only those of this caller.
        words: only those that hold all of these words.

    Raises:
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    conditions, values = [], {"limit": limit, "caller": caller}
    if words is not None and words.split():
        with books.read():  # a ledger that isn't there is not made by a search
            pass
        content_search.refresh(books)
        sql, values["words"] = content_search.query(words, books.target.url.get_backend_name())
        conditions.append(f"c.id IN ({sql})")
    if caller is not None:
        conditions.append("s.caller = :caller")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    with books.read() as connection:
        found = _read(connection, f"{where} ORDER BY c.id DESC LIMIT :limit", values)
    return found[::-1]


def last_conversation(books: Books, caller: str | None = None) -> list[StoredMessage]:
    """All of the last conversation; of the last call, if that was part of none.

    Raises:
        NotFoundInLedger: no content is stored.
    """
    newest = latest(books, limit=1, caller=caller)
    if not newest:
        raise NotFoundInLedger("No content is stored.", hint=_NOTHING)
    (row,) = newest
    if row.conversation_id is not None:
        return conversation(books, row.conversation_id)
    with books.read() as connection:
        return _read(connection, "WHERE c.request_id = :id ORDER BY c.id", {"id": row.request_id})


def conversation(books: Books, conversation_id: str) -> list[StoredMessage]:
    """All that is stored of a conversation, in its order; first what handlers added to it.

    Raises:
        NotFoundInLedger: nothing is.
    """
    rest = "WHERE c.conversation_id = :id ORDER BY coalesce(c.position, -1), c.id"
    with books.read() as connection:
        found = _read(connection, rest, {"id": conversation_id})
    if not found:
        raise NotFoundInLedger(
            f"No content of a conversation {conversation_id!r} is stored.", hint=_NOTHING
        )
    return found


def _read(connection: Connection, rest: str, values: dict[str, Any]) -> list[StoredMessage]:
    rows = connection.execute(text(f"{_SELECT} {rest}"), values)
    return [StoredMessage.model_validate(row._asdict()) for row in rows]
