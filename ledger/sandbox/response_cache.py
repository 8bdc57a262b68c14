"""The cache of responses, for calls that ask for it by header: the same again, for nothing."""

import hashlib

from ledger.sandbox.plans import Plan
from ledger.sandbox.seen import Call, Kept
from ledger.sandbox.state import State

HEADER = "x-openrouter-cache"
_TTL_S = 300
_ON = ("true", "1", "yes", "enabled")


def name_of(call: Call, data: bytes) -> str | None:
    """Under which name the answer to a request is kept; None where it isn't."""
    if call.headers.get(HEADER, "").lower() not in _ON:
        return None
    return hashlib.sha256(f"{call.key_hash}{call.endpoint}".encode() + data).hexdigest()


def look(state: State, call: Call, plan: Plan, data: bytes) -> None:
    """Let the plan be the kept answer, if there is one: a new id, nothing counted, free."""
    name = plan.kept_as = name_of(call, data)
    if name is None:
        return
    ttl = call.headers.get(f"{HEADER}-ttl", "")
    seconds = int(ttl) if ttl.isascii() and ttl.isdecimal() else _TTL_S
    plan.headers["X-OpenRouter-Cache-Status"] = "MISS"
    plan.headers["X-OpenRouter-Cache-TTL"] = str(seconds)
    kept = state.responses.get(name)
    cleared = call.headers.get(f"{HEADER}-clear", "").lower() in _ON
    if kept is None or cleared or state.monotonic() - kept.at > kept.ttl:
        return
    plan.is_hit, plan.text, plan.source_id = True, kept.text, kept.source_id
    plan.headers |= {
        "X-OpenRouter-Cache-Status": "HIT",
        "X-OpenRouter-Cache-Age": str(int(state.monotonic() - kept.at)),
        "X-OpenRouter-Cache-TTL": str(kept.ttl),
        "X-OpenRouter-Cache-Source-Id": kept.source_id,
    }


def keep(state: State, call: Call, plan: Plan, text: str) -> None:
    """Keep an answer that was worked for and asked to be kept."""
    if plan.kept_as is None or plan.is_hit or call.generation_id is None:
        return
    ttl = int(plan.headers["X-OpenRouter-Cache-TTL"])
    state.responses[plan.kept_as] = Kept(call.generation_id, text, state.monotonic(), ttl)
