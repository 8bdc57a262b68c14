"""A conversation as the books have it: its chain, read back."""

import json
from typing import Any

from ledger.books.books import Books
from ledger.calls.contents import MEDIA
from ledger.errors import NotFoundInLedger, RequestInvalid
from ledger.reports import contents
from ledger.reports.contents import StoredMessage


def load(books: Books, conversation_id: str | None, caller: str | None) -> tuple[str, list[Any]]:
    """A conversation's id and messages, the last one if none is named.

    Raises:
        NotFoundInLedger: it isn't stored, or not all of it.
        RequestInvalid: it holds media, of which only the hash is stored.
    """
    if conversation_id is None:
        rows = contents.last_conversation(books, caller)
    else:
        rows = contents.conversation(books, conversation_id)
    # A call that failed has stored what was asked: what stood there in the end came later, and
    # what has no answer behind it is no part of the chain.
    placed: dict[int, StoredMessage] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if row.position is not None:
            placed[row.position] = row
    answers = [at for at, row in placed.items() if row.kind == "answer"]
    length = max(answers, default=-1) + 1
    if not length or not set(range(length)) <= placed.keys():
        raise NotFoundInLedger(
            "The conversation is not whole in the books.",
            hint="Switch on both store_messages and store_answers before it begins.",
        )
    assert rows[0].conversation_id is not None
    return rows[0].conversation_id, [_message(placed[at]) for at in range(length)]


def _message(row: StoredMessage) -> Any:
    if row.message is None:
        return {"role": row.role, "content": row.text}
    if MEDIA in row.message:
        raise RequestInvalid(
            "The conversation holds media, of which only the hash is stored.",
            hint="Begin a new one, and add its messages again.",
        )
    return json.loads(row.message)
