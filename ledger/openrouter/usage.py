"""What an answer says it used and cost, whichever endpoint it came from.

Endpoints have names of their own for the same thing. One rule fills the columns: of a column's
names the first that the `usage` holds. Nothing is added up, derived from others or looked up.

    column               its names in `usage`
    prompt_tokens        prompt_tokens; input_tokens (responses, messages, transcriptions)
    completion_tokens    completion_tokens; output_tokens
    total_tokens         total_tokens
    reasoning_tokens     completion_tokens_details.reasoning_tokens;
                         output_tokens_details.reasoning_tokens, then .thinking_tokens (messages)
    cached_tokens        prompt_tokens_details.cached_tokens;
                         input_tokens_details.cached_tokens; cache_read_input_tokens (messages)
    cache_write_tokens   the same of cache_write_tokens; cache_creation_input_tokens (messages)
    cost_pico            cost
    upstream_pico        cost_details.upstream_inference_cost
    is_byok              is_byok

So `prompt_tokens` of messages is what Anthropic's shape calls so, without cached tokens, while
elsewhere it includes them; the provider's own record, once settled, counts all alike.
`completion_tokens` includes reasoning tokens. Real answers break both sums, so no combination is
refused. Amounts are US dollars in every endpoint. Other members (`search_units`, `seconds`,
`server_tool_use`) stay in the verbatim text only.

Source: OpenRouter's OpenAPI description and recorded answers.
"""

from dataclasses import dataclass
from typing import Any

from ledger.openrouter.shapes import (
    count_or_none,
    flag_or_none,
    kind,
    optional_pico_or_none,
    pico_or_none,
)


@dataclass(slots=True, frozen=True)
class Usage:
    """Counts of tokens, amounts in picodollars; None is not known, never zero.

    Attributes:
        cost_pico: what OpenRouter charged.
        upstream_pico: what the provider behind it charged; part of the bill only if `is_byok`.
        flags: what was unusable and why, as `cost:missing` or `prompt_tokens:type`.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_pico: int | None = None
    upstream_pico: int | None = None
    is_byok: bool | None = None
    flags: tuple[str, ...] = ()


def parse_usage(value: object) -> Usage:
    """Read a parsed `usage`, whatever it is; nothing is raised."""
    if not isinstance(value, dict):
        return Usage(flags=("usage:missing" if value is None else f"usage:{kind(value)}",))
    flags: list[str] = []
    prompt = _details(value, "prompt_tokens_details", "input_tokens_details", flags)
    completion = _details(value, "completion_tokens_details", "output_tokens_details", flags)
    upstream = _details(value, "cost_details", None, flags).get("upstream_inference_cost")
    return Usage(
        _count(value, "prompt_tokens", "input_tokens", flags),
        _count(value, "completion_tokens", "output_tokens", flags),
        count_or_none(value.get("total_tokens"), "total_tokens", flags),
        _count(completion, "reasoning_tokens", "thinking_tokens", flags),
        _cached(prompt, "cached_tokens", value, "cache_read_input_tokens", flags),
        _cached(prompt, "cache_write_tokens", value, "cache_creation_input_tokens", flags),
        pico_or_none(value.get("cost"), "cost", flags),
        optional_pico_or_none(upstream, "upstream_inference_cost", flags),
        flag_or_none(value.get("is_byok"), "is_byok", flags),
        tuple(flags),
    )


def _count(value: dict[str, Any], name: str, other: str, flags: list[str]) -> int | None:
    """The count under the first name that is there."""
    found = value.get(name)
    if found is None:
        name, found = other, value.get(other)
    return count_or_none(found, name, flags)


def _cached(
    details: dict[str, Any], name: str, usage: dict[str, Any], other: str, flags: list[str]
) -> int | None:
    """The count in the details, else the one that stands beside them."""
    found = details.get(name)
    if found is None:
        name, found = other, usage.get(other)
    return count_or_none(found, name, flags)


def _details(
    usage: dict[str, Any], name: str, other: str | None, flags: list[str]
) -> dict[str, Any]:
    """A nested object; an empty one where there is none, flagged if it is something else."""
    value = usage.get(name)
    if value is None and other is not None:
        name, value = other, usage.get(other)
    if isinstance(value, dict):
        return value
    if value is not None:
        flags.append(f"{name}:type")
    return {}
