"""POST /messages: Anthropic's form, with OpenRouter's cost in its usage.

Input tokens are without those read from or written to a cache. Errors have Anthropic's shape.
"""

import json
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.endpoints import message_events
from ledger.sandbox.endpoints.endpoint import Endpoint, first_choice, first_message, kept, news
from ledger.sandbox.failures import JSON, Failure
from ledger.sandbox.literals import write
from ledger.sandbox.plans import Body
from ledger.sandbox.seen import Call

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "error": None,
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    524: "timeout_error",
    529: "overloaded_error",
}


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return "Invalid request: messages field is required"
    if not isinstance(body.get("max_tokens"), int):
        return "Invalid request: max_tokens field is required"
    return None


def _text(call: Call) -> str:
    """What was asked, and the system prompt before it."""
    system = call.params.get("system")
    return costs.text_of([{"content": system}]) + costs.text_of(call.messages)


def usage_of(usage: dict[str, Any]) -> dict[str, Any]:
    """Usage under this endpoint's names."""
    prompt, completion = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    read, written = prompt["cached_tokens"], prompt["cache_write_tokens"]
    return {
        "input_tokens": max(0, usage["prompt_tokens"] - read - written),
        "output_tokens": usage["completion_tokens"],
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens_details": {"thinking_tokens": completion["reasoning_tokens"]},
        "inference_geo": None,
        "server_tool_use": None,
        "service_tier": "standard",
        **kept(usage, "cost", "is_byok", "cost_details"),
        **news(usage),
    }


def whole(body: Body, _call: Call) -> Body:
    """The completion as a message."""
    error = body.get("error") or first_choice(body).get("error")
    if error:
        return error_body(error["code"], error["message"], error.get("metadata", {}))
    reason = first_choice(body).get("finish_reason")
    answer: Body = {
        **kept(body, "id"),
        "type": "message",
        "role": "assistant",
        "container": None,
        "content": blocks(body),
        **kept(body, "model", "provider"),
        "stop_reason": _STOP_REASONS.get(reason or "", reason),
        "stop_details": None,
        "stop_sequence": None,
        **news(body),
    }
    if "usage" in body:
        answer["usage"] = usage_of(body["usage"])
    return answer


def blocks(body: Body) -> list[dict[str, Any]]:
    """The blocks of the content: thinking, text, tool uses."""
    message = first_message(body)
    found: list[dict[str, Any]] = []
    if message.get("reasoning"):
        found.append({"type": "thinking", "thinking": message["reasoning"], "signature": "c2ln"})
    if message.get("content"):
        found.append({"type": "text", "text": message["content"], "citations": None})
    for call in message.get("tool_calls") or []:
        function = call["function"]
        given = json.loads(function["arguments"])
        found.append(
            {
                "type": "tool_use",
                "id": call["id"],
                "name": function["name"],
                "input": given,
                "caller": {"type": "direct"},
            },
        )
    return found


def error_body(status: int, message: str, metadata: dict[str, Any]) -> Body:
    """An error in Anthropic's shape."""
    kind = _ERRORS.get(status, "api_error")
    error_type = metadata.get("error_type", "unmapped")
    return {
        "type": "error",
        "error": {"type": kind, "message": message, "error_type": error_type},
        "request_id": None,
    }


def _failure(failure: Failure) -> Failure:
    """An error of the provider in Anthropic's shape; a page stays a page."""
    if failure.content_type != JSON or failure.status < min(_ERRORS):
        return failure
    error = json.loads(failure.body)["error"]
    body = error_body(failure.status, error["message"], error.get("metadata") or {})
    return Failure(failure.status, write(body), failure.headers)


ENDPOINT = Endpoint(
    path="/messages",
    name="messages",
    api_type="completions",
    is_text=True,
    said="messages",
    whole=whole,
    events=lambda body, call, plan: message_events.events(
        body, {**whole(body, call), "content": blocks(body)}, plan
    ),
    wrong=_wrong,
    text=_text,
    failure=_failure,
)
