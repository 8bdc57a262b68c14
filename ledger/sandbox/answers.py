"""The completion that an ordinary call gets, built from its plan."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.literals import Literal
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.state import Call

PROVIDER = "Sandbox"
_ECHO_CHARACTERS = 60
# Routing suffixes change who serves, not which model answers.
_ROUTING = (":nitro", ":floor", ":online", ":thinking", ":extended", ":exacto")


@dataclass(frozen=True, slots=True)
class Bill:
    """What an answer says about its cost, and what is really charged."""

    tokens: tuple[int, int]
    literal: str
    settled: str
    charged: Decimal
    upstream: Decimal


def reply_text(messages: Any, plan: Plan) -> str:
    """The reply: the scripted one, or the beginning of the last message."""
    if plan.text is not None:
        return plan.text
    last = messages[-1:] if isinstance(messages, list) else messages
    return f"Echo: {costs.text_of(last)[:_ECHO_CHARACTERS]}"


def served_model(model: str, plan: Plan) -> str:
    """The slug that the answer names."""
    if plan.served_model is not None:
        return plan.served_model
    for suffix in _ROUTING:
        model = model.removesuffix(suffix)
    return model


def bill(model: str, counted: tuple[int, int], plan: Plan) -> Bill:
    """Work out tokens and money.

    Where the answer's literal is no amount (`NaN`, `"0.5"`, left out), the documented rule says
    what is charged, so that the generation record can still be right.
    """
    tokens = plan.tokens or counted
    ruled = costs.price(model, *tokens)
    literal = costs.literal_of(ruled) if plan.cost is None else plan.cost
    stated = costs.amount_of(literal)
    settled = plan.settled_cost
    if settled is None:
        settled = costs.literal_of(ruled) if stated is None else literal
    charged = costs.amount_of(settled)
    if charged is None:
        charged = ruled if stated is None else stated
    own = plan.is_byok and plan.upstream_cost is not None
    upstream = costs.amount_of(plan.upstream_cost or "0") if own else None
    return Bill(tokens, literal, settled, charged, upstream or costs.ZERO)


def usage(bill: Bill, plan: Plan) -> dict[str, Any]:
    """The `usage` member, with every count that the provider sends today."""
    prompt, completion = bill.tokens
    stated = bill.charged if costs.amount_of(bill.literal) is None else Decimal(bill.literal)
    upstream = plan.upstream_cost or costs.literal_of(stated)
    amount = costs.amount_of(upstream) or costs.ZERO
    prompt_part = amount * prompt / ((prompt + 2 * completion) or 1)
    prompt_part = prompt_part.quantize(Decimal("1e-15"))
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": Literal(bill.literal),
        "is_byok": plan.is_byok,
        "prompt_tokens_details": {
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": Literal(upstream),
            "upstream_inference_prompt_cost": Literal(costs.literal_of(prompt_part)),
            "upstream_inference_completions_cost": Literal(
                costs.literal_of(max(amount - prompt_part, costs.ZERO)),
            ),
        },
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "image_tokens": 0,
            "audio_tokens": 0,
        },
    }
    if bill.literal == "missing":
        del counts["cost"]
    return counts


def completion(call: Call, text: str, plan: Plan, bill: Bill) -> Body:
    """The body of the answer, the plan's changes made."""
    body: Body = {
        "id": call.generation_id,
        "provider": PROVIDER,
        "model": served_model(call.model or "", plan),
        "object": "chat.completion",
        "created": int(call.started_at.timestamp()),
        "choices": [
            {
                "logprobs": None,
                "finish_reason": "stop",
                "native_finish_reason": "completed",
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": text,
                    "refusal": None,
                    "reasoning": None,
                },
            },
        ],
        "system_fingerprint": "fp_sandbox",
        "service_tier": "default",
        "usage": usage(bill, plan),
    }
    for edit in plan.edits:
        edit(body)
    return body
