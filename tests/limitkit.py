"""Catalogues and requests for tests of what calls can cost."""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import charges
from hypothesis import strategies as st

from ledger.catalogue.reading import Entry, as_listed
from ledger.limits.rates import Offer, compiled
from ledger.openrouter import listings

Json = dict[str, Any]
SEEN = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


class Lists:
    """A catalogue made of the provider's raw lists, as the bound asks it."""

    def __init__(self, models: Sequence[Json], providers: dict[str, dict[str, Json]]) -> None:
        self.models = {model["id"]: model for model in models}
        self.providers = providers
        body = json.dumps({"data": list(models)}).encode()
        self._offers: dict[str, tuple[Offer, ...]] = {}
        for listed in listings.parse_models(body):
            offered = map(entry, self._listed(listed.id))
            self._offers[listed.id] = compiled(entry(listed), offered)

    def offers(self, model: str) -> tuple[Offer, ...]:
        return self._offers.get(model, ())

    def asked(self, model: str) -> dict[str, Json]:
        """What each provider asks."""
        return self.providers.get(model) or {"Sandbox": self.models[model]["pricing"]}

    def _listed(self, model: str) -> list[listings.ListedEndpoint]:
        told = self.models[model]
        listed = [
            {
                "provider_name": name,
                "tag": name.lower(),
                "pricing": pricing,
                "context_length": told["context_length"],
                "max_completion_tokens": told["top_provider"]["max_completion_tokens"],
                "supported_parameters": told["supported_parameters"],
            }
            for name, pricing in self.asked(model).items()
        ]
        return listings.parse_endpoints(json.dumps({"data": {"endpoints": listed}}).encode(), model)


def entry(listed: listings.ListedModel | listings.ListedEndpoint) -> Entry:
    """A listing as the books give it back."""
    if isinstance(listed, listings.ListedModel):
        return as_listed(listed, SEEN)
    return Entry(
        model=listed.model,
        endpoint=listed.endpoint,
        provider=listed.provider,
        name=None,
        is_listed=True,
        seen_at=SEEN,
        context_length=listed.context_length,
        max_completion_tokens=listed.max_completion_tokens,
        max_prompt_tokens=listed.max_prompt_tokens,
        input_kinds=(),
        output_kinds=(),
        supported_parameters=listed.supported_parameters,
        quantization=None,
        expires_on=None,
        pricing_text=listed.pricing_text,
        pricing=listed.pricing,
    )


def model(slug: str, pricing: Json, **more: Any) -> Json:
    """A model as `/models` lists it."""
    most = more.pop("max_completion_tokens", 4096)
    return {
        "id": slug,
        "context_length": 65_536,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "pricing": pricing,
        "top_provider": {"max_completion_tokens": most},
        "supported_parameters": ["max_tokens", "tools"],
    } | more


# --- random catalogues and requests ---------------------------------------------------------

_KINDS = (
    "image", "request", "audio", "internal_reasoning", "input_cache_read", "input_cache_write",
    "input_cache_write_1h", "image_token",
)  # fmt: skip
prices = st.integers(0, 10**8).map(lambda pico: f"{pico * 10**-12:.12f}") | st.sampled_from(
    ["0", "0.0000000000004", "2.574e-7", "0.000003", "0.00006"]
)
_days = st.lists(
    st.sampled_from(charges.DAY_NAMES),
    min_size=1,
    unique=True,
)
_hours = st.integers(0, 23).map(lambda hour: hour * 100)


@st.composite
def _override(draw: st.DrawFn) -> Json:
    changed: Json = draw(
        st.dictionaries(st.sampled_from(("prompt", "completion", *_KINDS)), prices)
    )
    if draw(st.booleans()):
        changed["min_prompt_tokens"] = draw(st.sampled_from([0, 10, 100, 1000, 4000]))
    if draw(st.booleans()):
        changed |= {"utc_start": draw(_hours), "utc_end": draw(_hours)}
    if draw(st.booleans()):
        changed["utc_days"] = draw(_days)
    return changed


@st.composite
def pricings(draw: st.DrawFn) -> Json:
    """What one provider asks: any kinds of prices, conditions, a discount."""
    found: Json = {"prompt": draw(prices), "completion": draw(prices)}
    found |= draw(st.dictionaries(st.sampled_from(_KINDS), prices, max_size=4))
    found["overrides"] = draw(st.lists(_override(), max_size=3))
    found["discount"] = draw(st.sampled_from([0, 0.25, 1]))
    return found


@st.composite
def catalogues(draw: st.DrawFn) -> Lists:
    """Two models, one to three providers each."""
    models, providers = [], {}
    for slug in ("a/one", "b/two"):
        asked = draw(st.lists(pricings(), min_size=1, max_size=3))
        most = draw(st.sampled_from([None, 256, 4096]))
        outputs = draw(st.sampled_from([["text"], ["text", "image"], ["image"]]))
        models.append(
            model(
                slug,
                asked[0],
                max_completion_tokens=most,
                context_length=draw(st.sampled_from([8192, 65_536])),
                architecture={"output_modalities": outputs},
            )
        )
        providers[slug] = {f"P{number}": each for number, each in enumerate(asked)}
    return Lists(models, providers)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.sampled_from(
    ["x" * 5000, "ü" * 900, "\ufdfa" * 40, '\x00\x1f"\\\n' * 30, "\U0001f600" * 200]
)
_data = st.binary(max_size=60).map(lambda raw: raw.hex() + "AAAA")
_parts = st.one_of(
    texts.map(lambda text: {"type": "text", "text": text}),
    texts.map(
        lambda text: {
            "type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": "1h"}
        }
    ),
    _data.map(
        lambda data: {
            "type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}
        }
    ),
    st.integers(1, 50_000).map(
        lambda size: {"type": "input_audio", "input_audio": {"data": "A" * size, "format": "wav"}}
    ),
)  # fmt: skip
_messages = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "user", "assistant"]),
        texts | st.lists(_parts, max_size=3),
    ),
    min_size=1,
    max_size=4,
)
_tools = st.lists(
    texts.map(lambda text: {"type": "function", "function": {"name": "f", "description": text}}),
    min_size=1,
    max_size=2,
)
_limits = st.none() | st.integers(1, 5000)


ENDPOINTS = (
    "chat/completions", "completions", "responses", "messages", "embeddings", "rerank", "images",
    "audio/speech", "audio/transcriptions",
)  # fmt: skip
_OURS = dict.fromkeys(ENDPOINTS, ("a/one", "b/two", "a/one:floor"))


@st.composite
def requests(draw: st.DrawFn, models: Mapping[str, Sequence[str]] = _OURS) -> tuple[str, Json]:
    """An endpoint and a body for it.

    Args:
        draw: of Hypothesis.
        models: those that each endpoint may be asked for.
    """
    makers: dict[str, Callable[[st.DrawFn], Json]] = {
        "chat/completions": _chat,
        "completions": _completions,
        "responses": _responses,
        "messages": _anthropic,
        "embeddings": lambda draw: {"input": draw(st.lists(texts, min_size=1, max_size=4))},
        "rerank": _rerank,
        "images": lambda draw: {"prompt": draw(texts) + "x", "n": draw(st.integers(1, 3))},
        "audio/speech": lambda draw: {"input": draw(texts) + "x"},
        "audio/transcriptions": lambda draw: {
            "input_audio": {"data": "AAAA" * draw(st.integers(1, 10_000)), "format": "wav"}
        },
    }
    endpoint = draw(st.sampled_from([*makers, *["chat/completions"] * 4]))
    body: Json = {"model": draw(st.sampled_from(models[endpoint]))}
    if draw(st.booleans()):
        plain = [name for name in models[endpoint] if ":" not in name]
        body["models"] = draw(st.lists(st.sampled_from(plain), max_size=2)) if plain else []
    return endpoint, body | makers[endpoint](draw)


def _chat(draw: st.DrawFn) -> Json:
    body: Json = {"messages": draw(_messages), "n": draw(st.integers(1, 3))}
    for name in ("max_tokens", "max_completion_tokens"):
        body[name] = draw(_limits)
    if draw(st.booleans()):
        body["tools"] = draw(_tools)
    if draw(st.booleans()):
        body["response_format"] = {"type": "json_schema", "json_schema": {"x": draw(texts)}}
    if draw(st.booleans()):
        body["reasoning"] = draw(
            st.sampled_from([{"effort": "high"}, {"max_tokens": 300}, {"enabled": True}])
        )
    return {name: value for name, value in body.items() if value is not None}


def _completions(draw: st.DrawFn) -> Json:
    return {"prompt": draw(texts) + "x", "max_tokens": draw(_limits), "n": draw(st.integers(1, 3))}


def _responses(draw: st.DrawFn) -> Json:
    given = draw(texts.map(lambda text: text + "x") | _messages.filter(_is_plain))
    return {"input": given, "instructions": draw(texts), "max_output_tokens": draw(_limits)}


def _is_plain(messages: list[Json]) -> bool:
    return all(isinstance(message["content"], str) for message in messages)


def _anthropic(draw: st.DrawFn) -> Json:
    body: Json = {"messages": draw(_messages), "max_tokens": draw(st.integers(1, 5000))}
    if draw(st.booleans()):
        body["thinking"] = {"type": "enabled", "budget_tokens": draw(st.integers(1, 6000))}
    return body | {"system": draw(texts)}


def _rerank(draw: st.DrawFn) -> Json:
    documents = draw(st.lists(texts, min_size=1, max_size=3)) * draw(st.sampled_from([1, 60]))
    return {"query": draw(texts), "documents": documents}
