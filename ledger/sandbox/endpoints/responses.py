"""POST /responses: OpenAI's newer form. Ids are `gen-...` in the body, as recorded.

Failures are HTTP 200 with `status: "failed"` and a top-level `error_type`; a cut at the limit is
`incomplete`. Streams are in `response_events`.
"""

from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.endpoints import response_events
from ledger.sandbox.endpoints.endpoint import Endpoint, first_choice, first_message, kept, news
from ledger.sandbox.plans import Body
from ledger.sandbox.seen import Call

# What the answer repeats of the request, and what stands there where the request has none.
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "temperature": 1,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "user": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "truncation": "disabled",
    "background": False,
    "text": {"format": {"type": "text"}},
    "reasoning": {"effort": None, "summary": None},
}


def _wrong(body: Body) -> str | None:
    """What is unacceptable: this form keeps no state."""
    if not body.get("input"):
        return "Invalid request: input is required"
    if body.get("store") is True:
        return "store: true is not supported"
    if body.get("previous_response_id"):
        return "previous_response_id is not supported"
    return None


def _text(call: Call) -> str:
    """What was asked, and the instructions before it."""
    instructions = call.params.get("instructions")
    said = costs.text_of(call.messages)
    return f"{instructions}{said}" if isinstance(instructions, str) else said


def usage_of(usage: dict[str, Any]) -> dict[str, Any]:
    """Usage under this endpoint's names."""
    prompt, completion = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    details = usage["cost_details"]
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": kept(prompt, "cached_tokens", "cache_write_tokens"),
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": kept(completion, "reasoning_tokens"),
        "total_tokens": usage["total_tokens"],
        **kept(usage, "cost", "is_byok", "server_tool_use_details"),
        "cost_details": {
            "upstream_inference_cost": details["upstream_inference_cost"],
            "upstream_inference_input_cost": details["upstream_inference_prompt_cost"],
            "upstream_inference_output_cost": details["upstream_inference_completions_cost"],
        },
        **news(usage),
    }


def whole(body: Body, call: Call) -> Body:
    """The completion as a response object."""
    if "error" in body:
        return body
    choice = first_choice(body)
    echoed = {name: call.params.get(name, usual) for name, usual in _ECHOED.items()}
    answer: Body = {
        **kept(body, "id"),
        "object": "response",
        "created_at": body["created"],
        "completed_at": body["created"],
        "model": body["model"],
        "status": "completed",
        "output": _output(body),
        "error": None,
        "incomplete_details": None,
        **echoed,
        "store": False,
        "service_tier": body["service_tier"],
        **news(body),
    }
    _ending(answer, choice)
    if "usage" in body:
        answer["usage"] = usage_of(body["usage"])
    return answer


def _ending(answer: Body, choice: dict[str, Any]) -> None:
    """Say how it ended, where it didn't end well."""
    if "error" in choice:
        error = choice["error"]
        answer["status"], answer["completed_at"] = "failed", None
        answer["error"] = {"code": "server_error", "message": error["message"]}
        answer["error_type"] = error.get("metadata", {}).get("error_type", "unmapped")
    elif choice.get("finish_reason") == "length":
        answer["status"] = "incomplete"
        answer["incomplete_details"] = {"reason": "max_output_tokens"}


def _output(body: Body) -> list[dict[str, Any]]:
    """The items of the answer: reasoning, a message, tool calls."""
    message = first_message(body)
    items: list[dict[str, Any]] = []
    if message.get("reasoning"):
        items.append(
            {
                "type": "reasoning",
                "id": "rs_sandbox",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": message["reasoning"]}],
            },
        )
    if message.get("content") is not None:
        items.append(_message(message["content"]))
    for call in message.get("tool_calls") or []:
        function = call["function"]
        items.append(
            {
                "type": "function_call",
                "id": f"fc_{call['id']}",
                "call_id": call["id"],
                "name": function["name"],
                "arguments": function["arguments"],
                "status": "completed",
            },
        )
    return items


def _message(text: str) -> dict[str, Any]:
    """The message among the items."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": "msg_sandbox",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


ENDPOINT = Endpoint(
    path="/responses",
    name="responses",
    api_type="completions",
    is_text=True,
    said="input",
    whole=whole,
    events=lambda body, call, plan: response_events.events(whole(body, call), plan),
    wrong=_wrong,
    text=_text,
)
