"""The same completion as a stream of server-sent events.

As recorded: the id in the first chunk and the same in all, keep-alive comments, a chunk that
finishes, then one chunk with the usage and (in most recordings) an empty-delta choice that repeats
the finish reason, then `[DONE]`. An error in the middle is an event of its own; HTTP stays 200.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
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
    yield from _others(body, choices[1:])
    for delta in _deltas(choice.get("message", {}), plan):
        yield _chunk(body, [_choice(delta)])
    if plan.stream_error in ("text", "int"):
        yield _error(body, choice, plan)
        return
    finish = (choice.get("finish_reason"), choice.get("native_finish_reason"))
    if plan.stream_error == "late":
        yield _chunk(body, [_choice(dict(_EMPTY), finish)])
        yield _late_error(body)
        return
    if choices:
        yield _chunk(body, [_choice({"role": "assistant", "content": ""}, finish)])
    if "usage" in body:
        yield _usage_chunk(body, plan, finish)


_EMPTY = {"role": "assistant", "content": ""}


def _others(body: Body, choices: list[dict[str, Any]]) -> Iterator[Body]:
    """The further answers, each in one piece."""
    for choice in choices:
        delta = {"role": "assistant", "content": choice["message"]["content"]}
        yield _chunk(body, [{**_choice(delta), "index": choice["index"]}])


def _usage_chunk(body: Body, plan: Plan, finish: tuple[str | None, str | None]) -> Body:
    """The one chunk with the usage, in each of the forms that were seen."""
    if plan.stream_usage == "null":
        finish = (None, None)
    no_choice = plan.stream_usage == "empty" or not body["choices"]
    chunk = _chunk(body, [] if no_choice else [_choice(_EMPTY, finish)])
    if plan.stream_usage == "bare":
        del chunk["choices"]
    return {**chunk, "usage": body["usage"]}


def _deltas(message: dict[str, Any], plan: Plan) -> Iterator[dict[str, Any]]:
    """The message in pieces."""
    if message:
        yield dict(_EMPTY)
    for piece in words(message.get("reasoning") or "", 0):
        yield {"role": "assistant", "content": "", "reasoning": piece}
    for piece in pieces(message.get("content") or "", plan):
        yield {"role": "assistant", "content": piece}
    for call in message.get("tool_calls") or []:
        yield {"role": "assistant", "content": None, "tool_calls": [call]}


def pieces(text: str, plan: Plan) -> Iterable[str]:
    """A text as the plan wants it in pieces; without end where it has none."""
    return cycle([text or "on "]) if plan.endless else words(text, plan.chunks)


def words(text: str, count: int) -> list[str]:
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


def _error(body: Body, choice: dict[str, Any], plan: Plan) -> Body:
    """The error event: its code is a text in the provider's own example; it may carry the usage."""
    code: dict[str, Any] = {"code": "server_error"} if plan.stream_error == "text" else {}
    error = {"code": 502, **choice.get("error", {"message": "Upstream failed"}), **code}
    chunk = {**_chunk(body, [_choice(dict(_EMPTY), ("error", "error"))]), "error": error}
    return {**chunk, "usage": body["usage"]} if "usage" in body else chunk


def _late_error(body: Body) -> Body:
    """As recorded once: an error after the finish, without choice, with the usage."""
    chunk = _chunk(body, [_choice(dict(_EMPTY))])
    usage = {"usage": body["usage"]} if "usage" in body else {}
    return {**chunk, "error": {"code": 400, "message": "Token limit reached"}, **usage}


def _data(value: Body) -> bytes:
    """One event."""
    return b"data: " + write(value) + b"\n\n"
