"""What is counted of a call: tokens by the documented rule, and all else that has a price.

Three appetites. `usual`: a quarter of the bytes, the echo cut at the limit that the call sets.
`thrifty`: one token answers. `maximal`: a token a byte and some for each message, the answer uses
its whole limit, and the dearest provider serves: what an upper bound must still be above.
"""

import json
from typing import Any

from ledger.sandbox import answers
from ledger.sandbox.catalogue import Offer
from ledger.sandbox.endpoints.endpoint import Endpoint
from ledger.sandbox.plans import Plan
from ledger.sandbox.pricing import Counts
from ledger.sandbox.seen import Call

APPETITES = ("usual", "thrifty", "maximal")
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
TEMPLATE_TOKENS = 4
_UNSTATED = 16_384
_AUDIO_BYTES = 3_200
_EFFORTS = {"minimal": 4, "low": 8, "medium": 16, "high": 32, "xhigh": 64, "max": 64}
_TOOLS = {"plugins", "tools"}
_COUNTED = {
    *LIMITS,
    "n",
    "reasoning",
    "reasoning_effort",
    "plugins",
    "tools",
    "response_format",
    "thinking",
}


def limit_of(call: Call) -> int | None:
    """The most completion tokens that a call allows, where it says so."""
    limits = [call.params.get(name) for name in LIMITS]
    stated = [limit for limit in limits if isinstance(limit, int) and limit > 0]
    return min(stated) if stated else None


def number_of(call: Call) -> int:
    """How many choices are asked for."""
    number = call.params.get("n")
    return number if isinstance(number, int) and number > 0 else 1


def count(
    endpoint: Endpoint,
    call: Call,
    plan: Plan,
    offer: Offer,
    appetite: str,
) -> tuple[Counts, str]:
    """Everything of a call that has a price, and the text; what a plan says stands."""
    text = answers.reply_text(call.messages, plan)
    prompt = endpoint.text(call)
    counts = Counts(*endpoint.tokens(call, prompt, text))
    counts.units = endpoint.units(call)
    if endpoint.pictures:
        counts.image_tokens = counts.completion
    ordinary = appetite == "usual" and not call.params.keys() & _COUNTED
    if endpoint.is_text:
        if not ordinary:
            _answer(call, counts, plan, offer, appetite)
        if appetite == "maximal":
            counts.prompt = _whole_prompt(call, prompt)
        if offer.priced:
            _parts(call.messages, counts)
        if ":online" in (call.model or "") or call.params.keys() & _TOOLS:
            _tools(call, counts)
        else:
            counts.pages = 0
    _planned(counts, plan)
    if counts.is_cut:
        text = answers.cut(text, (counts.completion - counts.reasoning) // counts.choices)
    return counts, text


def _answer(call: Call, counts: Counts, plan: Plan, offer: Offer, appetite: str) -> None:
    """Completion tokens, within what the call allows."""
    limit, counts.choices = limit_of(call), number_of(call)
    reasoning = _reasoning(call)
    tokens = counts.completion + reasoning
    if plan.text is None:
        if appetite == "maximal":
            tokens = limit or offer.most or _UNSTATED
            counts.is_cut = True
        elif appetite == "thrifty":
            tokens, reasoning = 1, 0
        if limit is not None and tokens > limit:
            tokens, counts.is_cut = limit, True
    counts.completion = tokens * counts.choices
    counts.reasoning = min(reasoning, tokens) * counts.choices


def _reasoning(call: Call) -> int:
    """Tokens of thought, by the effort or the budget that the call names."""
    asked = call.params.get("reasoning") or call.params.get("thinking")
    asked = asked if isinstance(asked, dict) else {}
    budget = asked.get("max_tokens") or asked.get("budget_tokens")
    if isinstance(budget, int) and asked.get("type") != "disabled":
        return budget
    effort = asked.get("effort") or call.params.get("reasoning_effort")
    if effort is None and asked.get("enabled") is True:
        effort = "medium"
    return _EFFORTS.get(str(effort), 0)


def _whole_prompt(call: Call, prompt: str) -> int:
    """A token a byte of everything that reaches the model, and some for each message."""
    shapes = [call.params.get(name) for name in ("tools", "response_format")]
    extra = "".join(json.dumps(shape) for shape in shapes if shape)
    messages = len(call.messages) if isinstance(call.messages, list) else 1
    size = len((prompt + extra).encode("utf-8", "surrogatepass"))
    return max(1, size + TEMPLATE_TOKENS * messages)


def _parts(messages: Any, counts: Counts) -> None:
    """Media, and text that is to be cached, among the parts of messages."""
    if not isinstance(messages, list):
        return
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict):
                _part(part, counts)


def _part(part: dict[str, Any], counts: Counts) -> None:
    """One part of a message."""
    kind = part.get("type")
    if kind in ("image_url", "input_image", "image"):
        counts.images += 1
    elif kind == "input_audio":
        sound = part.get("input_audio")
        data = sound.get("data") if isinstance(sound, dict) else None
        tokens = max(1, len(str(data or "")) * 3 // 4 // _AUDIO_BYTES)
        counts.audio += tokens
        counts.prompt += tokens
    elif kind in ("file", "input_file", "document"):
        counts.pages += 1


def cacheable(messages: Any) -> tuple[str, bool]:
    """The text up to the last part that asks to be cached, and whether for an hour."""
    parts = [part for message in _objects(messages) for part in _objects(message.get("content"))]
    marked = [at for at, part in enumerate(parts) if isinstance(part.get("cache_control"), dict)]
    if not marked:
        return "", False
    text = "".join(str(part.get("text", "")) for part in parts[: marked[-1] + 1])
    return text, parts[marked[-1]]["cache_control"].get("ttl") == "1h"


def _tools(call: Call, counts: Counts) -> None:
    """Searches, by a plugin, by a tool of the server or by the model's name."""
    plugins = _objects(call.params.get("plugins"))
    tools = _objects(call.params.get("tools"))
    web = [plugin for plugin in plugins if plugin.get("id") == "web"]
    web += [tool for tool in tools if tool.get("type") == "openrouter:web_search"]
    if ":online" in (call.model or "") and not web:
        web = [{}]
    counts.searches = len(web)
    wanted = [asked.get("max_results") for asked in web]
    counts.results = max((number for number in wanted if isinstance(number, int)), default=0)
    if not any(plugin.get("id") == "file-parser" for plugin in plugins):
        counts.pages = 0


def _objects(listed: Any) -> list[dict[str, Any]]:
    """The objects of a list, where it is one."""
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _planned(counts: Counts, plan: Plan) -> None:
    """What a plan says instead."""
    if plan.is_hit:
        counts.prompt = counts.completion = counts.reasoning = counts.searches = 0
        counts.images = counts.image_tokens = counts.audio = 0
        return
    if plan.tokens is not None:
        counts.prompt, counts.completion = plan.tokens
        counts.reasoning = min(counts.reasoning, counts.completion)
        if counts.image_tokens:
            counts.image_tokens = counts.completion
    counts.reasoning = counts.reasoning if plan.reasoning is None else plan.reasoning
    counts.completion = max(counts.completion, plan.reasoning or 0)
    counts.cached = counts.cached if plan.cached is None else plan.cached
    counts.written = counts.written if plan.written is None else plan.written
    counts.written_1h = min(plan.written_1h, counts.written)
    counts.prompt = max(counts.prompt, counts.cached + counts.written)
    counts.searches = counts.searches if plan.searches is None else plan.searches
