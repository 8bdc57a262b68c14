"""A message as a stream: `message_start` with the id to `message_delta` with usage and cost."""

import json
from collections.abc import Iterator
from typing import Any

from ledger.sandbox import streams
from ledger.sandbox.endpoints.endpoint import kept
from ledger.sandbox.literals import write
from ledger.sandbox.plans import Body, Plan

# At the start nobody has counted anything yet.
_UNCOUNTED = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_creation_input_tokens": None,
    "cache_read_input_tokens": None,
    "cache_creation": None,
    "output_tokens_details": None,
    "inference_geo": None,
    "server_tool_use": None,
    "service_tier": "standard",
}
_DELTAS = {"text": "text_delta", "thinking": "thinking_delta"}


def events(body: Body, message: Body, plan: Plan) -> Iterator[bytes]:
    """The events that carry a message, ready to send one by one.

    Args:
        body: the completion that it was made from.
        message: the message; an error with the blocks that came before it where it failed.
        plan: what was planned.
    """
    failed = message["type"] == "error"
    error = {name: value for name, value in message.items() if name != "content"}
    if failed and "choices" not in body:
        yield _event(error)
        return
    started = _started(body)
    yield _event({"type": "message_start", "message": started})
    yield _event({"type": "ping"})
    if plan.keepalive:
        yield b": \n\n"
        yield streams.KEEPALIVE
    for index, block in enumerate(message["content"]):
        yield from _block(index, block, plan)
    if failed:
        yield _event(error)
        return
    delta = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    usage = {"usage": message["usage"]} if "usage" in message else {}
    yield _event({"type": "message_delta", "delta": {**delta, "container": None}, **usage})
    yield _event({"type": "message_stop"})


def _started(body: Body) -> Body:
    """The message before anything is in it."""
    return {
        **kept(body, "id", "model", "provider"),
        "type": "message",
        "role": "assistant",
        "container": None,
        "content": [],
        "stop_reason": None,
        "stop_details": None,
        "stop_sequence": None,
        "usage": _UNCOUNTED,
    }


def _block(index: int, block: dict[str, Any], plan: Plan) -> Iterator[bytes]:
    """One block of the content: started, in pieces, stopped."""
    kind = block["type"]
    empty: dict[str, Any] = {"input": {}} if kind == "tool_use" else {kind: ""}
    yield _event(
        {"type": "content_block_start", "index": index, "content_block": {**block, **empty}},
    )
    for delta in _deltas(block, plan):
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def _deltas(block: dict[str, Any], plan: Plan) -> Iterator[dict[str, Any]]:
    """The pieces of a block."""
    kind = block["type"]
    if kind == "tool_use":
        yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        return
    for piece in streams.pieces(block[kind], plan):
        yield {"type": _DELTAS[kind], kind: piece}
    if kind == "thinking":
        yield {"type": "signature_delta", "signature": block["signature"]}


def _event(value: Body) -> bytes:
    """One event under its name."""
    return b"event: %s\ndata: %s\n\n" % (str(value["type"]).encode(), write(value))
