"""What a call is charged, worked out from the provider's documented rules: an oracle for bounds.

Nothing of the package is used here but its money: prices are read from the raw lists, tokens are
counted by the sandbox's documented rule, and every sum is a plain one. So a bound that is wrong and
a charge that is wrong would have to be wrong in the same way twice.
"""

import datetime as dt
import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Json = dict[str, Any]

DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EFFORT_TOKENS = {"minimal": 4, "low": 8, "medium": 16, "high": 32, "xhigh": 64, "max": 64}
PICTURE_TOKENS = 1290


@dataclass(frozen=True)
class Served:
    """How a call happened to be served.

    Attributes:
        pricing: of the provider that served it, as listed.
        most: completion tokens that one answer of it may have.
        at: the moment.
        appetite: `usual`, `thrifty` or `maximal`, as the sandbox has them.
        cached, written, written_1h: prompt tokens read from and written to a cache.
        fee: the part that OpenRouter takes beside a provider's own bill; None: no own key.
    """

    pricing: Json
    most: int
    at: dt.datetime
    appetite: str = "usual"
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    fee: Fraction | None = None


@dataclass
class Counted:
    """What was counted."""

    prompt: int
    completion: int = 0
    reasoning: int = 0
    picture_tokens: int = 0
    pictures: int = 0
    sound: int = 0
    units: int = 1


def charge(endpoint: str, body: Json, served: Served) -> Fraction:
    """USD, exact: what OpenRouter and, with the user's own key, its provider charge together."""
    counted = count(endpoint, body, served)
    prices = prices_now(served.pricing, counted.prompt, served.at)

    def price(
        kind: str, otherwise: Fraction = Fraction(0), *, is_free_at_0: bool = False
    ) -> Fraction:
        known = prices.get(kind)
        return otherwise if known is None or (not known and not is_free_at_0) else known

    prompt, completion = prices["prompt"], prices["completion"]
    cached = min(served.cached, counted.prompt)
    written = min(served.written, counted.prompt - cached)
    hourly = min(served.written_1h, written)
    write = price("input_cache_write", prompt, is_free_at_0=True)
    total = max(0, counted.prompt - cached - written - counted.sound) * prompt
    total += cached * price("input_cache_read", prompt, is_free_at_0=True)
    total += (written - hourly) * write
    total += hourly * price("input_cache_write_1h", write, is_free_at_0=True)
    total += counted.sound * price("audio", prompt)
    total += counted.pictures * price("image")
    total += counted.units * price("request")
    rest = max(0, counted.completion - counted.reasoning - counted.picture_tokens)
    total += rest * completion
    total += counted.reasoning * price("internal_reasoning", completion)
    total += counted.picture_tokens * price("image_token", completion)
    return total if served.fee is None else total * (1 + served.fee)


def prices_now(pricing: Json, prompt_tokens: int, at: dt.datetime) -> dict[str, Fraction]:
    """The prices that hold for a prompt of that length at a moment, the discount taken off."""
    found = {
        kind: Fraction(text)
        for kind, text in pricing.items()
        if kind not in ("overrides", "discount")
    }
    clock, day = at.hour * 100 + at.minute, DAY_NAMES[at.weekday()]
    for override in pricing.get("overrides", []):
        start, end = override.get("utc_start", 0), override.get("utc_end", 2400)
        inside = start <= clock < end if start <= end else clock >= start or clock < end
        is_long = prompt_tokens > override.get("min_prompt_tokens", -1)
        if inside and is_long and day in override.get("utc_days", DAY_NAMES):
            for kind, text in override.items():
                if kind not in ("utc_start", "utc_end", "utc_days", "min_prompt_tokens"):
                    found[kind] = Fraction(text)
    keep = 1 - Fraction(str(pricing.get("discount", 0)))
    return {kind: price * keep for kind, price in found.items()}


def count(endpoint: str, body: Json, served: Served) -> Counted:
    """Everything that has a price, by the sandbox's documented rule."""
    said = text_of(endpoint, body)
    size = len(said.encode("utf-8", "surrogatepass"))
    counted = Counted(max(1, size // 4))
    if endpoint == "rerank":
        counted.units = -(-len(body["documents"]) // 100)
    elif endpoint == "embeddings":
        lists = [one for one in body["input"] if isinstance(one, list)]
        counted.prompt = sum(map(len, lists)) or counted.prompt
    elif endpoint == "images":
        counted.completion = counted.picture_tokens = body.get("n", 1) * PICTURE_TOKENS
    elif endpoint == "audio/transcriptions":
        counted.prompt = max(1, len(body["input_audio"]["data"]) * 3 // 4 // 3200)
        counted.completion = 1  # an echo of nothing
    elif endpoint != "audio/speech":
        _count_text(endpoint, body, served, said, counted)
    return counted


def _count_text(endpoint: str, body: Json, served: Served, said: str, counted: Counted) -> None:
    """Tokens of both sides of an answer in text, and media among the messages."""
    stated = [
        body.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")
    ]
    limits = [limit for limit in stated if isinstance(limit, int) and limit > 0]
    limit = min(limits) if limits else None
    thought = _thought(body)
    echoed = f"Echo: {_last(endpoint, body)[:60]}".encode("utf-8", "surrogatepass")
    tokens = max(1, len(echoed) // 4) + thought
    if served.appetite == "maximal":
        tokens = limit or served.most
    elif served.appetite == "thrifty":
        tokens, thought = 1, 0
    tokens = min(tokens, limit or tokens)
    choices = body.get("n", 1)
    counted.completion = tokens * choices
    counted.reasoning = min(thought, tokens) * choices
    messages = body.get("messages", [])
    if served.appetite == "maximal":
        shapes = [json.dumps(body[name]) for name in ("tools", "response_format") if body.get(name)]
        whole = len((said + "".join(shapes)).encode("utf-8", "surrogatepass"))
        many = body["input"] if endpoint == "responses" else messages
        counted.prompt = max(1, whole + 4 * (len(many) if isinstance(many, list) and many else 1))
    for message in messages:
        parts = message["content"] if isinstance(message["content"], list) else []
        for part in parts:
            if part["type"] == "image_url":
                counted.pictures += 1
            elif part["type"] == "input_audio":
                sound = max(1, len(part["input_audio"]["data"]) * 3 // 4 // 3200)
                counted.sound += sound
                counted.prompt += sound


def _thought(body: Json) -> int:
    asked = body.get("reasoning") or body.get("thinking") or {}
    budget = asked.get("max_tokens") or asked.get("budget_tokens")
    effort = asked.get("effort") or body.get("reasoning_effort")
    if effort is None and asked.get("enabled") is True:
        effort = "medium"
    return budget or _EFFORT_TOKENS.get(str(effort), 0)


def text_of(endpoint: str, body: Json) -> str:
    """All text that is said, joined without a gap."""
    if endpoint == "rerank":
        return str(body["query"]) + "".join(body["documents"])
    if endpoint in ("images", "completions"):
        return str(body["prompt"])
    if endpoint in ("embeddings", "audio/speech", "responses"):
        before = body.get("instructions") or ""
        return before + _joined(body["input"])
    if endpoint == "audio/transcriptions":
        return ""
    return (body.get("system") or "") + _joined(body["messages"])


def _last(endpoint: str, body: Json) -> str:
    """What an answer repeats: the last message."""
    given = body["prompt"] if endpoint == "completions" else body.get("input") or body["messages"]
    return _joined(given[-1] if isinstance(given, list) else given)


def _joined(said: Any) -> str:
    if isinstance(said, str):
        return said
    if isinstance(said, dict):
        content = said.get("content", said.get("text"))
        return _joined(content) if content is not None else ""
    return "".join(map(_joined, said)) if isinstance(said, list) else ""
