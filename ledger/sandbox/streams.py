"""The same completion as a stream of server-sent events.

As recorded: the id in the first chunk and the same in all, keep-alive comments, a chunk that
finishes, then one chunk with the usage and (in most recordings) an empty-delta choice that repeats
the finish reason, then `[DONE]`. An error in the middle is an event of its own; HTTP stays 200.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from ledger.sandbox.literals import write
from ledger.sandbox.plans import Body, Plan

CONTENT_TYPE = "text/event-stream"
KEEPALIVE = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
Shape = Callable[[Body], Body]
_HEAD = ("id", "provider", "model", "created", "system_fingerprint", "service_tier")


def as_it_is(chunk: Body) -> Body:
    """A chunk of a chat completion."""
    return chunk


def events(body: Body, plan: Plan, shape: Shape = as_it_is) -> Iterator[bytes]:
    """The events that carry a completion, ready to send one by one.

    Args:
        body: the completion.
        plan: what was planned.
        shape: makes each chunk another endpoint's.
    """
    if "error" in body:
        yield _data({"error": body["error"], "user_id": body.get("user_id"), "choices": []})
        yield DONE
        return
    yield KEEPALIVE
    if plan.keepalive:
        yield b": \n\n"
        yield KEEPALIVE
    for chunk in _chunks(body, plan):
        yield _data(shape(chunk))
    yield DONE


def _chunks(body: Body, plan: Plan) -> Iterator[Body]:
    """The chunks of an answer that began."""
    choices = body["choices"]
    if not choices:
        yield _chunk(body, [])
    choice = choices[0] if choices else {}
    for delta in _deltas(choice.get("message", {}), plan.chunks):
        yield _chunk(body, [_choice(delta)])
    if plan.stream_error:
        yield _error(body, choice)
        return
    finish = (choice.get("finish_reason"), choice.get("native_finish_reason"))
    if choices:
        yield _chunk(body, [_choice({"role": "assistant", "content": ""}, finish)])
    if "usage" in body:
        closing = [] if plan.stream_usage_empty or not choices else [_choice(_EMPTY, finish)]
        yield {**_chunk(body, closing), "usage": body["usage"]}


_EMPTY = {"role": "assistant", "content": ""}


def _deltas(message: dict[str, Any], chunks: int) -> Iterator[dict[str, Any]]:
    """The message in pieces."""
    if message:
        yield dict(_EMPTY)
    for piece in pieces(message.get("reasoning") or "", 0):
        yield {"role": "assistant", "content": "", "reasoning": piece}
    for piece in pieces(message.get("content") or "", chunks):
        yield {"role": "assistant", "content": piece}
    for call in message.get("tool_calls") or []:
        yield {"role": "assistant", "content": None, "tool_calls": [call]}


def pieces(text: str, count: int) -> list[str]:
    """A text in words, each with the space before it; or in about `count` equal pieces."""
    if not text:
        return []
    if not count:
        return re.findall(r"\s*\S+|\s+$", text)
    size = math.ceil(len(text) / count)
    found = [text[start : start + size] for start in range(0, len(text), size)]
    return found + ["."] * (count - len(found))


def _choice(
    delta: dict[str, Any],
    finish: tuple[str | None, str | None] = (None, None),
) -> dict[str, Any]:
    """One choice of a chunk."""
    return {
        "index": 0,
        "delta": delta,
        "finish_reason": finish[0],
        "native_finish_reason": finish[1],
        "logprobs": None,
    }


def _chunk(body: Body, choices: list[dict[str, Any]]) -> Body:
    """One chunk; what the whole answer lacks, the chunk lacks too."""
    head = {name: body[name] for name in _HEAD if name in body}
    return {**head, "object": "chat.completion.chunk", "choices": choices}


def _error(body: Body, choice: dict[str, Any]) -> Body:
    """The error event: its code is a text in the provider's own example; it may carry the usage."""
    error = {**choice.get("error", {"message": "Upstream failed"}), "code": "server_error"}
    chunk = {**_chunk(body, [_choice(dict(_EMPTY), ("error", "error"))]), "error": error}
    return {**chunk, "usage": body["usage"]} if "usage" in body else chunk


def _data(value: Body) -> bytes:
    """One event."""
    return b"data: " + write(value) + b"\n\n"
