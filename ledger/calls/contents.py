"""The rows of what is asked and answered, for calls whose content is to be stored.

A message is kept as it was sent, but for media: of base64 there is the hash and the size.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger import clock
from ledger.books.base import Table
from ledger.books.ids import new_id
from ledger.openrouter import exact
from ledger.openrouter.answers import Answer

Message = dict[str, Any]

MEDIA = "ledger:sha256="
"""How the text that stands for media begins."""

_DATA_URL = re.compile(r"data:([\w.+/-]{0,127})[\w;=.+-]{0,127};base64,", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\s*", re.ASCII)
_LONGEST_WORD = 1024  # what is longer, and all of it base64, is no word of any language


@dataclass(frozen=True, slots=True)
class Turn:
    """Which messages of a call are a conversation's, and where in it they stand.

    Attributes:
        conversation_id: the conversation.
        chain: the conversation's messages that this call sends, each with its position.
        is_stored: how many positions an earlier call of it has stored.
        answer_at: the position that the answer gets.
    """

    conversation_id: str
    chain: Sequence[tuple[int, Message]] = field(repr=False)
    is_stored: int
    answer_at: int


def message_rows(
    request_id: str, messages: str | Sequence[Message], turn: Turn | None
) -> tuple[Table, ...]:
    """A row for each message that this call is the first to send."""
    sent = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    if turn is None:
        return tuple(_row(request_id, "message", each) for each in sent)
    known = [message for _, message in turn.chain]
    new = [(at, message) for at, message in turn.chain if at >= turn.is_stored]
    added = [(None, message) for message in sent if message not in known]  # by a handler
    return tuple(
        _row(request_id, "message", message, turn.conversation_id, at)
        for at, message in [*new, *added]
    )


def answer_row(request_id: str, answer: Answer, turn: Turn | None) -> Table:
    """The row of an answer."""
    message = answer_message(answer.text, answer.tool_calls)
    conversation = (turn.conversation_id, turn.answer_at) if turn else (None, None)
    return _row(request_id, "answer", message, *conversation)


def answer_message(text: str, tool_calls: Sequence[Message]) -> Message:
    """An answer as the message that it is in what is asked next."""
    message: Message = {"role": "assistant", "content": text}
    if tool_calls:
        message |= {"content": text or None, "tool_calls": list(tool_calls)}
    return message


def _row(
    request_id: str,
    kind: str,
    message: Message,
    conversation_id: str | None = None,
    position: int | None = None,
) -> Table:
    from ledger.books.models import Content

    kept = without_media(message)
    role, content = kept.get("role"), kept.get("content")
    is_plain = isinstance(content, str) and kept.keys() == {"role", "content"}
    return Content.booked(
        id=new_id(),
        request_id=request_id,
        at=clock.now(),
        conversation_id=conversation_id,
        position=position,
        kind=kind,
        role=exact.clean(role) if isinstance(role, str) else None,
        text=exact.clean("\n".join(_texts(kept))),
        message=None if is_plain else exact.clean(json.dumps(kept, ensure_ascii=False)),
    )


def _texts(message: Message) -> Iterator[str]:
    """What there is to read and to search for in a message."""
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]
    for call in _dicts(message.get("tool_calls")):
        function = call.get("function")
        if isinstance(function, dict):
            yield f"{function.get('name')}({function.get('arguments')})"


def _dicts(value: Any) -> Iterable[Message]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()


def without_media(value: Any) -> Any:
    """The value, with the hash and size of base64 in its place."""
    if isinstance(value, dict):
        return {name: without_media(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_media(each) for each in value]
    return _mark(value) if isinstance(value, str) else value


def _mark(text: str) -> str:
    head = _DATA_URL.match(text)
    is_bare = len(text) > _LONGEST_WORD and _BASE64.fullmatch(text)
    if not head and not is_bare:
        return text
    body = text[head.end() :] if head else text
    digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
    kind = f";type={head[1]}" if head and head[1] else ""
    return f"{MEDIA}{digest};base64={len(body)}{kind}"
