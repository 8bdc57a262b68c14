"""How much a request is: bytes that may become tokens, media, limits, and how often."""

import dataclasses
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.limits.media import Media, data_size, taken_out
from ledger.limits.openness import unbounded
from ledger.openrouter import billable

TEMPLATE_TOKENS = 256
"""What a model's template may say before the first message."""
TOOLS_TOKENS = 1024
"""What it may say of tools besides their own description."""
INPUT_TOKENS = 16
"""Markers, and an instruction, around each text that is embedded or ranked."""
LEAST_LIMIT = 16
"""Some providers raise a lower limit to this."""
PICTURE_TOKENS = 8192
"""A picture is at least so many, whatever the model's maximum: the largest known take 6,240."""

_RANKED_TOKENS, _PER_UNIT = 500, 100
"""A search unit has up to 100 documents; a longer one counts once for each 500 tokens."""
_MOST_TOKENS = 2**40

# These reach no model; whatever isn't here, new parameters too, counts as said to it.
_UNSAID_NAMES = (
    "model models stream stream_options temperature top_p top_k top_a min_p seed user metadata"
    " trace session_id provider plugins route transforms usage debug store n best_of logprobs"
    " top_logprobs frequency_penalty presence_penalty repetition_penalty logit_bias service_tier"
    " parallel_tool_calls max_tokens max_completion_tokens max_output_tokens encoding_format"
    " dimensions safety_identifier prompt_cache_key truncation background include"
)
_UNSAID = frozenset(_UNSAID_NAMES.split())
# Shapes that hold no media; some templates write them in ASCII.
_SHAPES = ("tools", "response_format", "text", "output_config", "tool_choice")
_LIMITS = {
    billable.CHAT.name: ("max_tokens", "max_completion_tokens"),
    billable.COMPLETIONS.name: ("max_tokens", "max_completion_tokens"),
    billable.RESPONSES.name: ("max_output_tokens",),
    billable.MESSAGES.name: ("max_tokens",),
}
_COMPLETES = {
    *_LIMITS, billable.IMAGES.name, billable.SPEECH.name, billable.TRANSCRIPTIONS.name
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """How much a request is.

    Attributes:
        endpoint: which service is asked.
        prompt_tokens: the most that its text can be, of one answer.
        media: its pictures, sound and film.
        times: how often it may be answered.
        requests: what a price by request is multiplied with.
        limit: completion tokens of one answer that the call allows; None where it doesn't say.
        thinking: those of a budget for reasoning, which may come on top.
        predicted: those of a predicted output, which are billed where they are rejected.
        is_shown: whether pictures or sound are asked for.
    """

    endpoint: str
    prompt_tokens: int
    media: Media = field(default_factory=Media)
    times: int = 1
    requests: int = 1
    limit: int | None = None
    thinking: int = 0
    predicted: int = 0
    is_shown: bool = False

    @property
    def completes(self) -> bool:
        """Whether an answer has a price of its own."""
        return self.endpoint in _COMPLETES

    @property
    def is_limitable(self) -> bool:
        """Whether a parameter can limit the answer."""
        return self.endpoint in _LIMITS

    @property
    def most_prompt_tokens(self) -> int:
        """All that may be in the prompt, media included."""
        return self.prompt_tokens + sum(self.media.pictures) + sum(self.media.sounds)

    def limited_to(self, tokens: int) -> "Size":
        """The same request with another limit."""
        return dataclasses.replace(self, limit=tokens)

    def completion_tokens(self, most: int | None) -> int | None:
        """Tokens of one answer.

        Args:
            most: the model's own maximum, where no limit is set or kept.
        """
        limit = self.limit
        if limit is None:
            is_picture = self.endpoint == billable.IMAGES.name
            limit = most and max(most, PICTURE_TOKENS if is_picture else 0)
        if limit is None:
            return None
        beyond = self.thinking if self.thinking > limit else 0
        return max(limit, LEAST_LIMIT) + beyond + self.predicted


def size_of(payload: Mapping[str, Any], endpoint: str) -> Size:
    """How much a request is.

    Raises:
        Unbounded: it holds something whose size can't be seen, or can't be read as JSON.
    """
    media = Media()
    said = _said(payload, media)
    if endpoint == billable.TRANSCRIPTIONS.name:
        media.sounds.append(_sound(said.pop("input_audio", None)))
    shapes = [payload[name] for name in _SHAPES if payload.get(name)]
    tokens = _bytes_of(said) + TEMPLATE_TOKENS + (TOOLS_TOKENS if payload.get("tools") else 0)
    tokens += _bytes_of(shapes, in_ascii=True) if shapes else 0
    if endpoint == billable.RERANK.name:
        return _ranking(said, media, tokens)
    if endpoint == billable.EMBEDDINGS.name:
        given = said.get("input")
        tokens += INPUT_TOKENS * (len(given) if isinstance(given, list) else 1)
    times = _times(payload, endpoint)
    return Size(
        endpoint,
        tokens,
        media,
        times=times,
        requests=times,
        limit=_limit(payload, endpoint),
        thinking=_thinking(payload),
        predicted=_bytes_of(payload["prediction"]) if payload.get("prediction") else 0,
        is_shown=endpoint not in _LIMITS or bool(payload.get("modalities")),
    )


def _said(payload: Mapping[str, Any], media: Media) -> dict[str, Any]:
    """What may reach the model, but for media, which are added to those found, and shapes."""
    try:
        return {
            name: value if isinstance(value, str) else taken_out(value, media)
            for name, value in payload.items()
            if name not in _UNSAID and name not in _SHAPES
        }
    except RecursionError:
        raise unbounded("it is nested too deeply to be JSON") from None


def _ranking(said: Mapping[str, Any], media: Media, tokens: int) -> Size:
    """A reranking: the query goes with every document; long ones are cut into several."""
    listed = said.get("documents")
    documents = listed if isinstance(listed, list) else [listed]
    query = _bytes_of(said.get("query"))
    room = max(1, _RANKED_TOKENS - query)
    chunks = sum(max(1, -(-_bytes_of(document) // room)) for document in documents)
    tokens += (query + INPUT_TOKENS) * chunks
    return Size(billable.RERANK.name, tokens, media, requests=-(-chunks // _PER_UNIT))


def _bytes_of(value: object, *, in_ascii: bool = False) -> int:
    """Bytes of a value as JSON, in the longest of the forms that a tokenizer may give its text."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        raise unbounded("it can't be written as JSON") from None
    if text.isascii():
        return len(text)
    forms = [text, unicodedata.normalize("NFKC", text)]
    if in_ascii:
        forms.append(json.dumps(value, default=str))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)


def _sound(value: object) -> int:
    """Bytes of the sound that is to be written down, as JSON or as a part of a form."""
    told = value if isinstance(value, Mapping) else {}
    size = whole_number(told.get("bytes"))
    if size is None and not isinstance(told.get("data"), str):
        raise unbounded("the size of the sound can't be seen from here")
    return data_size(told.get("data")) if size is None else size


def _times(payload: Mapping[str, Any], endpoint: str) -> int:
    """How many answers there may be to one prompt, or prompts to one request."""
    times = max(1, *(whole_number(payload.get(name)) or 1 for name in ("n", "best_of")))
    prompt = payload.get("prompt")
    is_many = isinstance(prompt, list | tuple) and not all(isinstance(one, int) for one in prompt)
    if endpoint == billable.COMPLETIONS.name and isinstance(prompt, list | tuple) and is_many:
        times *= max(1, len(prompt))
    return times


def _limit(payload: Mapping[str, Any], endpoint: str) -> int | None:
    """The highest of the limits that are set; what is no limit limits nothing."""
    stated = [whole_number(payload.get(name)) for name in _LIMITS.get(endpoint, ())]
    return max((limit for limit in stated if limit), default=None)


def _thinking(payload: Mapping[str, Any]) -> int:
    """The budget for reasoning that is asked for."""
    found = 0
    for name in ("reasoning", "thinking"):
        asked = payload.get(name)
        if isinstance(asked, Mapping):
            budgets = (whole_number(asked.get(key)) for key in ("max_tokens", "budget_tokens"))
            found = max(found, *(budget or 0 for budget in budgets))
    return found


def whole_number(value: object) -> int | None:
    """A count that is above 0, rounded up; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if value != value or not 0 < value <= _MOST_TOKENS:  # noqa: PLR0124 - NaN is not itself
        return None
    return int(value) + (int(value) != value)
