"""The completion that an ordinary call gets, built from its plan."""

from typing import Any

from ledger.sandbox import billing, costs
from ledger.sandbox.billing import Bill
from ledger.sandbox.catalogue import bare
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call

_ECHO_CHARACTERS = 60
_CUT = ("length", "MAX_TOKENS")
_WHOLE = ("stop", "completed")
_THOUGHT = "Thinking."


def reply_text(messages: Any, plan: Plan) -> str:
    """The reply: the scripted one, or the beginning of the last message."""
    if plan.text is not None:
        return plan.text
    last = messages[-1:] if isinstance(messages, list) else messages
    return f"Echo: {costs.text_of(last)[:_ECHO_CHARACTERS]}"


def served_model(model: str, plan: Plan) -> str:
    """The slug that the answer names."""
    return plan.served_model if plan.served_model is not None else bare(model)


def cut(text: str, tokens: int) -> str:
    """The beginning of a text, no more than so many tokens by the documented rule."""
    size = tokens * costs.BYTES_PER_TOKEN
    return text.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore")


def completion(call: Call, text: str, plan: Plan, bill: Bill) -> Body:
    """The body of the answer, the plan's changes made."""
    finish = _CUT if bill.counts.is_cut else _WHOLE
    body: Body = {
        "id": call.generation_id,
        "provider": bill.offer.provider,
        "model": served_model(call.model or "", plan),
        "object": "chat.completion",
        "created": int(call.started_at.timestamp()),
        "choices": [
            _choice(index, text, finish, _THOUGHT if bill.counts.reasoning else None)
            for index in range(bill.counts.choices)
        ],
        "system_fingerprint": "fp_sandbox",
        "service_tier": "default",
        "usage": billing.usage(bill, plan),
    }
    for edit in plan.edits:
        edit(body)
    return body


def _choice(
    index: int,
    text: str,
    finish: tuple[str, str],
    reasoning: str | None,
) -> dict[str, Any]:
    """One of the answers."""
    return {
        "logprobs": None,
        "finish_reason": finish[0],
        "native_finish_reason": finish[1],
        "index": index,
        "message": {
            "role": "assistant",
            "content": text,
            "refusal": None,
            "reasoning": reasoning,
        },
    }
