"""A response object as a stream: `response.created` with the id to the one with the usage.

As recorded: an empty comment keeps the connection alive, every event is numbered, the last one
carries the whole object with `usage.cost`, then `[DONE]`.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from ledger.sandbox import streams
from ledger.sandbox.literals import write
from ledger.sandbox.plans import Body, Plan

KEEPALIVE = b": \n\n"
_LAST = {"failed": "response.failed", "incomplete": "response.incomplete"}


def events(answer: Body, plan: Plan) -> Iterator[bytes]:
    """The events that carry a response, ready to send one by one."""
    if "output" not in answer:
        yield _event({"type": "error", "code": "server_error", **_flat(answer), "param": None})
        return
    yield KEEPALIVE
    if plan.keepalive:
        yield KEEPALIVE
        yield streams.KEEPALIVE
    numbers = count()
    for event in _events(answer, plan):
        yield _event({**event, "sequence_number": next(numbers)})
    yield streams.DONE


def _flat(answer: Body) -> dict[str, Any]:
    """What an error event says of an error."""
    return {"message": answer["error"]["message"], "sequence_number": 0}


def _events(answer: Body, plan: Plan) -> Iterator[dict[str, Any]]:
    """The events in order."""
    begun = {**answer, "status": "in_progress", "completed_at": None, "output": []}
    begun |= {"error": None, "incomplete_details": None, "usage": None}
    begun.pop("error_type", None)
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(answer["output"]):
        yield from _item(index, item, plan)
    if answer["status"] == "failed" and plan.failed_event != "response.failed":
        yield {
            "type": plan.failed_event,
            "code": "server_error",
            "message": answer["error"]["message"],
            "param": None,
        }
        return
    last = _LAST.get(answer["status"], "response.completed")
    yield {"type": last, "response": answer}


def _item(index: int, item: dict[str, Any], plan: Plan) -> Iterator[dict[str, Any]]:
    """One item of the output: added, in pieces, done."""
    empty: dict[str, Any] = (
        {"arguments": ""} if item["type"] == "function_call" else {"content": []}
    )
    added = {**item, **empty, "status": "in_progress"}
    place = {"output_index": index, "item_id": item["id"]}
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    if item["type"] == "function_call":
        name = "response.function_call_arguments"
        yield {"type": f"{name}.delta", **place, "delta": item["arguments"]}
        yield {
            "type": f"{name}.done",
            **place,
            "arguments": item["arguments"],
            "name": item["name"],
        }
    else:
        yield from _content(place, item["content"][0], plan)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _content(place: dict[str, Any], part: dict[str, Any], plan: Plan) -> Iterator[dict[str, Any]]:
    """The one text of an item, in pieces."""
    place = {**place, "content_index": 0}
    name = f"response.{part['type']}"
    extra: dict[str, Any] = {"logprobs": []} if part["type"] == "output_text" else {}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in streams.pieces(part["text"], plan):
        yield {"type": f"{name}.delta", **place, "delta": piece, **extra}
    yield {"type": f"{name}.done", **place, "text": part["text"], **extra}
    yield {"type": "response.content_part.done", **place, "part": part}


def _event(value: dict[str, Any]) -> bytes:
    """One event; its name stands before it as well, as it does in the recordings."""
    return b"event: %s\ndata: %s\n\n" % (str(value["type"]).encode(), write(value))
