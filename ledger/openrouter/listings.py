"""What the provider lists: models, and the offers of each by its providers.

Sources: `GET /models` (`data` is a list of models) and `GET /models/{author}/{slug}/endpoints`
(`data.endpoints` is a list of offers).
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ledger.openrouter import exact, pricing
from ledger.openrouter.generation import NotARecord, data_of
from ledger.openrouter.pricing import Pricing
from ledger.openrouter.shapes import count_or_none, flag_or_none, text_or_none

_LIST_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as listed.

    Attributes:
        id: the slug that a request names.
        context_length: tokens that prompt and completion may have together; None if not said.
        max_completion_tokens: the most that the top provider completes; None if not said.
        input_kinds, output_kinds: `text`, `image`, `file`, `audio`, ..., sorted.
        supported_parameters: what a request may set, sorted.
        created: unix seconds.
        expires_on: the date after which it may be gone.
        pricing: its prices; `pricing_text` is the same as listed, in one form.
    """

    id: str
    canonical_slug: str | None
    name: str | None
    created: int | None
    context_length: int | None
    max_completion_tokens: int | None
    input_kinds: tuple[str, ...]
    output_kinds: tuple[str, ...]
    supported_parameters: tuple[str, ...]
    is_moderated: bool | None
    expires_on: str | None
    pricing: Pricing
    pricing_text: str


@dataclass(frozen=True, slots=True)
class ListedEndpoint:
    """One provider's offer of a model.

    Attributes:
        endpoint: what tells it from the model's other offers: its tag, else its name.
    """

    model: str
    endpoint: str
    provider: str | None
    quantization: str | None
    context_length: int | None
    max_completion_tokens: int | None
    max_prompt_tokens: int | None
    supported_parameters: tuple[str, ...]
    pricing: Pricing
    pricing_text: str


def parse_models(body: bytes) -> list[ListedModel]:
    """Read the body of a `/models` answer; entries without an id are left out.

    Raises:
        NotJson: it is no JSON.
        NotARecord: its `data` is no list.
    """
    parsed = exact.loads(body)
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if not isinstance(data, list):
        raise NotARecord("a list of models without a `data` list")
    found = (_model(entry) for entry in data if isinstance(entry, dict))
    return list({model.id: model for model in found if model is not None}.values())


def is_whole(body: bytes) -> bool:
    """Whether a readable `/models` answer is all of the list: `links.next` names no other page."""
    links = _object(exact.loads(body), "links")
    return not links.get("next")


def parse_endpoints(body: bytes, model: str) -> list[ListedEndpoint]:
    """Read the body of a `/models/{author}/{slug}/endpoints` answer.

    Args:
        body: the bytes.
        model: the slug that was asked for.

    Raises:
        NotJson: it is no JSON.
        NotARecord: it has no list of endpoints.
    """
    listed = data_of(exact.loads(body)).get("endpoints")
    if not isinstance(listed, list):
        raise NotARecord("a model's endpoints without their list")
    seen = Counter[str]()
    return [_endpoint(entry, model, seen) for entry in listed if isinstance(entry, dict)]


def _model(entry: dict[str, Any]) -> ListedModel | None:
    model_id = text_or_none(entry.get("id"))
    if not model_id:
        return None
    kinds, top = _object(entry, "architecture"), _object(entry, "top_provider")
    lengths = (entry.get("context_length"), top.get("context_length"))
    return ListedModel(
        id=model_id,
        canonical_slug=text_or_none(entry.get("canonical_slug")),
        name=text_or_none(entry.get("name")),
        created=_count(entry.get("created")),
        context_length=next((n for n in map(_count, lengths) if n is not None), None),
        max_completion_tokens=_count(top.get("max_completion_tokens")),
        input_kinds=_words(kinds.get("input_modalities")),
        output_kinds=_words(kinds.get("output_modalities")),
        supported_parameters=_words(entry.get("supported_parameters")),
        is_moderated=flag_or_none(top.get("is_moderated"), "is_moderated", []),
        expires_on=text_or_none(entry.get("expiration_date")),
        pricing=pricing.parse(entry.get("pricing")),
        pricing_text=pricing.text_of(entry.get("pricing")),
    )


def _endpoint(entry: dict[str, Any], model: str, seen: Counter[str]) -> ListedEndpoint:
    provider = text_or_none(entry.get("provider_name"))
    told = text_or_none(entry.get("tag")) or text_or_none(entry.get("name")) or provider or "?"
    seen[told] += 1
    return ListedEndpoint(
        model=model,
        endpoint=told if seen[told] == 1 else f"{told}#{seen[told]}",
        provider=provider,
        quantization=text_or_none(entry.get("quantization")),
        context_length=_count(entry.get("context_length")),
        max_completion_tokens=_count(entry.get("max_completion_tokens")),
        max_prompt_tokens=_count(entry.get("max_prompt_tokens")),
        supported_parameters=_words(entry.get("supported_parameters")),
        pricing=pricing.parse(entry.get("pricing")),
        pricing_text=pricing.text_of(entry.get("pricing")),
    )


def _object(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return count_or_none(value, "count", [])


def _words(value: object) -> tuple[str, ...]:
    """A list of words, sorted: an order that changes says nothing. Whatever is none is left out."""
    listed = value if isinstance(value, list) else []
    words = {word for word in (text_or_none(item, 64) for item in listed) if word}
    kept = sorted(word.replace(",", "_") for word in words)
    while sum(map(len, kept)) > _LIST_LIMIT:
        kept.pop()
    return tuple(kept)
