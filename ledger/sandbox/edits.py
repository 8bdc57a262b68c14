"""Changes of a healthy answer into the odd ones that the provider really sends.

Shapes after recorded traffic and the provider's error documentation: an error inside HTTP 200, a
choice that failed half-way, content null, an answer that is only reasoning.
"""

from typing import Any

from ledger.sandbox.plans import Body

_ERROR_METADATA = {"error_type": "provider_unavailable", "provider_code": "overloaded_error"}


def _choice(body: Body) -> dict[str, Any]:
    """The first choice; an empty one where an earlier edit took it away."""
    choices = body.get("choices") or [{"message": {}}]
    first: dict[str, Any] = choices[0]
    return first


def no_usage(body: Body) -> None:
    """As some answers before usage was always sent: no `usage` member."""
    body.pop("usage", None)


def no_id(body: Body) -> None:
    """The id is in the header only."""
    body.pop("id", None)


def no_choices(body: Body) -> None:
    """A billed answer without any choice."""
    body["choices"] = []


def error_body(body: Body) -> None:
    """The call failed after the headers: HTTP 200 and nothing but an error."""
    body.clear()
    body["error"] = {
        "code": 502,
        "message": "Provider returned error",
        "metadata": {**_ERROR_METADATA, "provider_name": "Sandbox"},
    }
    body["user_id"] = "user_2sandboxAccountId"


def choice_error(body: Body) -> None:
    """The provider failed in the middle: part of the content, and the error beside it."""
    choice = _choice(body)
    choice["finish_reason"] = "error"
    choice["native_finish_reason"] = "error"
    choice["error"] = {"code": 502, "message": "Upstream failed", "metadata": {**_ERROR_METADATA}}


def cut_at_limit(body: Body) -> None:
    """The answer ended at a limit."""
    choice = _choice(body)
    choice["finish_reason"], choice["native_finish_reason"] = "length", "MAX_TOKENS"


def no_output(body: Body) -> None:
    """Nothing was answered, and no reason given: such a call is free."""
    choice = _choice(body)
    choice["message"]["content"] = ""
    choice["finish_reason"] = choice["native_finish_reason"] = None
    usage = body.get("usage")
    if usage:
        usage["total_tokens"] -= usage["completion_tokens"]
        usage["completion_tokens"] = 0


def null_content(body: Body) -> None:
    """Content null, as with some tool calls and empty answers."""
    _choice(body)["message"]["content"] = None


def reasoning_only(body: Body) -> None:
    """All tokens went into reasoning: content null, finish `length`, a normal bill."""
    choice = _choice(body)
    message = choice["message"]
    thought = message.get("content") or "thinking"
    message["content"] = None
    message["reasoning"] = thought
    message["reasoning_details"] = [
        {"type": "reasoning.text", "text": thought, "format": "unknown", "index": 0},
    ]
    choice["finish_reason"] = "length"
    choice["native_finish_reason"] = "MAX_TOKENS"
    usage = body.get("usage")
    if usage:
        # Recorded: more reasoning tokens than completion tokens, though the first are part of them.
        reasoning = usage["completion_tokens"] + 1
        usage["completion_tokens_details"]["reasoning_tokens"] = reasoning


def tool_call(body: Body) -> None:
    """The model asks for a tool."""
    choice = _choice(body)
    choice["message"]["content"] = None
    choice["message"]["tool_calls"] = [
        {
            "id": "call_sandbox_1",
            "type": "function",
            "index": 0,
            "function": {"name": "lookup", "arguments": '{"query":"sandbox"}'},
        },
    ]
    choice["finish_reason"] = "tool_calls"
    choice["native_finish_reason"] = "tool_calls"


def unknown_fields(body: Body) -> None:
    """Additions ship unannounced: new members everywhere, and an enum value nobody knows."""
    body["zz_new"] = {"nested": [1, {"deep": None}]}
    body["service_tier"] = "warp"
    choice = _choice(body)
    choice["zz_choice"] = True
    choice["finish_reason"] = "singularity"
    choice["message"]["zz_message"] = ["new"]
    usage = body.get("usage")
    if usage:
        usage["zz_tokens"] = 7
        usage["cost_details"]["server_tool_cost"] = 0
