"""What an answer says it used and cost.

Source: `usage` of `POST /chat/completions`. `prompt_tokens` includes cached tokens and
`completion_tokens` includes reasoning tokens, but real answers break both sums, so no count is
ever derived from others and no combination is refused.
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
    get = value.get
    prompt = _details(get("prompt_tokens_details"), "prompt_tokens_details", flags)
    completion = _details(get("completion_tokens_details"), "completion_tokens_details", flags)
    upstream = _details(get("cost_details"), "cost_details", flags).get("upstream_inference_cost")
    return Usage(
        count_or_none(get("prompt_tokens"), "prompt_tokens", flags),
        count_or_none(get("completion_tokens"), "completion_tokens", flags),
        count_or_none(get("total_tokens"), "total_tokens", flags),
        count_or_none(completion.get("reasoning_tokens"), "reasoning_tokens", flags),
        count_or_none(prompt.get("cached_tokens"), "cached_tokens", flags),
        count_or_none(prompt.get("cache_write_tokens"), "cache_write_tokens", flags),
        pico_or_none(get("cost"), "cost", flags),
        optional_pico_or_none(upstream, "upstream_inference_cost", flags),
        flag_or_none(get("is_byok"), "is_byok", flags),
        tuple(flags),
    )


def _details(value: object, name: str, flags: list[str]) -> dict[str, Any]:
    """A nested object; an empty one where there is none, flagged if it is something else."""
    if isinstance(value, dict):
        return value
    if value is not None:
        flags.append(f"{name}:type")
    return {}
