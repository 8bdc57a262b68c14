"""What another library asks and is answered, for the table of content: read from the bytes."""

import json
from typing import Any

from ledger.calls.contents import Message

_LISTS = ("messages", "input", "prompt")
_INSTRUCTIONS = ("system", "instructions")


def sent_messages(body: bytes) -> list[Message]:
    """The messages of a request's JSON body, in whichever place its endpoint has them."""
    try:
        asked = json.loads(body) if body else None
    except (ValueError, RecursionError):  # no JSON, or no text: such as a file that is uploaded
        return []
    if not isinstance(asked, dict):
        return []
    found = [
        {"role": "system", "content": asked[name]} for name in _INSTRUCTIONS if asked.get(name)
    ]
    for name in _LISTS:
        found += _messages(asked.get(name))
    return found


def _messages(said: Any) -> list[Message]:
    if isinstance(said, str):
        return [{"role": "user", "content": said}]
    if not isinstance(said, list):
        return []
    texts = [{"role": "user", "content": each} for each in said if isinstance(each, str)]
    return [each for each in said if isinstance(each, dict)] or texts
