"""From what was counted to a bill: what the answer says, what is really charged, and by whom."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.catalogue import Offer
from ledger.sandbox.literals import Literal
from ledger.sandbox.plans import Plan
from ledger.sandbox.pricing import Charge, Counts

# OpenRouter's own part of a call with the user's own provider key, beyond the free allowance.
BYOK_FEE = Decimal("0.05")
_STEP = Decimal("1e-15")


@dataclass(frozen=True, slots=True)
class Bill:
    """What an answer says about its cost, and what is really charged."""

    counts: Counts
    offer: Offer
    charge: Charge
    literal: str
    settled: str
    charged: Decimal
    upstream: Decimal


def bill(offer: Offer, counts: Counts, charge: Charge, plan: Plan) -> Bill:
    """Work out what is said and what is charged.

    Where the answer's literal is no amount (`NaN`, `"0.5"`, left out), the rule says what is
    charged, so that the generation record can still be right.
    """
    if plan.insured:
        charge = Charge(costs.ZERO, costs.ZERO, charge.fees)
    if plan.byok_fee is not None and plan.cost is None:
        work = charge.prompt + charge.completion
        plan.is_byok, plan.upstream_cost = True, costs.literal_of(work)
        plan.cost = costs.literal_of(work * plan.byok_fee + charge.fees)
    ruled = charge.total
    literal = costs.literal_of(ruled) if plan.cost is None else plan.cost
    stated = ruled if plan.cost is None else costs.amount_of(literal)
    settled = plan.settled_cost
    if settled is None:
        settled = costs.literal_of(ruled) if stated is None else literal
    charged = None if plan.settled_cost is None else costs.amount_of(settled)
    if charged is None:
        charged = ruled if stated is None else stated
    own = plan.is_byok and plan.upstream_cost is not None
    upstream = costs.amount_of(plan.upstream_cost or "0") if own else None
    return Bill(counts, offer, charge, literal, settled, charged, upstream or costs.ZERO)


def _parts(bill: Bill, plan: Plan) -> tuple[str, Decimal, Decimal]:
    """The provider's own charge as a literal, and its parts of prompt and completion."""
    charge = bill.charge
    work = charge.prompt + charge.completion
    if plan.cost is None and plan.upstream_cost is None:
        return costs.literal_of(work), charge.prompt, charge.completion
    stated = costs.amount_of(bill.literal)
    upstream = plan.upstream_cost or costs.literal_of(bill.charged if stated is None else stated)
    amount = costs.amount_of(upstream) or costs.ZERO
    share = charge.prompt / work if work else costs.ZERO
    prompt = (amount * share).quantize(_STEP)
    return upstream, prompt, max(amount - prompt, costs.ZERO)


def usage(bill: Bill, plan: Plan) -> dict[str, Any]:
    """The `usage` member, with every count that the provider sends today."""
    counts = bill.counts
    upstream, prompt_part, completion_part = _parts(bill, plan)
    shown: dict[str, Any] = {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "cost": Literal(bill.literal),
        "is_byok": plan.is_byok,
        "prompt_tokens_details": {
            "cached_tokens": counts.cached,
            "cache_write_tokens": counts.written,
            "audio_tokens": counts.audio,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": Literal(upstream),
            "upstream_inference_prompt_cost": Literal(costs.literal_of(prompt_part)),
            "upstream_inference_completions_cost": Literal(costs.literal_of(completion_part)),
        },
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning,
            "image_tokens": counts.image_tokens,
            "audio_tokens": 0,
        },
    }
    if bill.literal == "missing":
        del shown["cost"]
    if counts.searches:
        shown["server_tool_use_details"] = {
            "tool_calls_requested": counts.searches,
            "tool_calls_executed": counts.searches,
            "web_search_requests": counts.searches,
        }
    return shown
