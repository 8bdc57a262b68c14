"""POST /completions: the legacy text form, named in the docs and absent from the specification."""

from collections.abc import Iterator
from typing import Any

from ledger.sandbox import streams
from ledger.sandbox.endpoints.endpoint import Endpoint
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    prompt = body.get("prompt")
    if not isinstance(prompt, str | list) or not prompt:
        return 'Input required: specify "prompt" or "messages"'
    return None


def _whole(body: Body, _call: Call) -> Body:
    """The completion with texts instead of messages."""
    if "choices" not in body:
        return body
    choices = [_choice(choice, "message") for choice in body["choices"]]
    return {**body, "object": "text_completion", "choices": choices}


def _choice(choice: dict[str, Any], said: str) -> dict[str, Any]:
    """A choice whose text stands beside it instead of in a message."""
    rest = {name: value for name, value in choice.items() if name != said}
    message = choice.get(said) or {}
    reasoning = {"reasoning": message["reasoning"]} if message.get("reasoning") else {}
    return {"text": message.get("content") or "", **reasoning, **rest}


def _events(body: Body, _call: Call, plan: Plan) -> Iterator[bytes]:
    """The chunks, with texts instead of deltas."""
    return streams.events(body, plan, _chunk)


def _chunk(chunk: Body) -> Body:
    """One chunk in this shape."""
    if "choices" not in chunk:
        return chunk
    choices = [_choice(choice, "delta") for choice in chunk["choices"]]
    return {**chunk, "object": "text_completion", "choices": choices}


ENDPOINT = Endpoint(
    path="/completions",
    name="completions",
    api_type="completions",
    is_text=True,
    said="prompt",
    whole=_whole,
    events=_events,
    wrong=_wrong,
)
