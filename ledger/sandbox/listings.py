"""The models on offer at the start: a small catalogue with every kind of price that there is.

Models at the documented echo price come first; then a long-context surcharge, cache prices, hours
of the day, several providers, media, fees, a router without price, embeddings and other outputs.
"""

from typing import Any

from ledger.sandbox import costs

Entry = dict[str, Any]

PERMASLUG_DATE = "-20260115"
_CREATED = 1768435200
_CONTEXT = 131_072
_OUTPUT = 16_384
_ECHO = {"prompt": f"{costs.PROMPT_USD:f}", "completion": f"{costs.COMPLETION_USD:f}"}
_ZEROS = {"request": "0", "image": "0", "web_search": "0", "internal_reasoning": "0"}
_PARAMETERS = ["max_tokens", "temperature", "tools"]
_THINKING = [*_PARAMETERS, "reasoning", "include_reasoning", "response_format"]


def model(slug: str, pricing: Entry, **members: Any) -> Entry:
    """One model's entry in the provider's shape.

    Args:
        slug: its id.
        pricing: decimal text per unit, and overrides or a discount where it has some.
        members: other members; `max_completion_tokens` goes to the top provider.
    """
    output = members.pop("max_completion_tokens", _OUTPUT)
    context = members.pop("context_length", _CONTEXT)
    modalities = members.pop("modalities", (["text"], ["text"]))
    return {
        "id": slug,
        "canonical_slug": slug.partition(":")[0] + PERMASLUG_DATE,
        "name": slug,
        "created": _CREATED,
        "description": "A model of the sandbox.",
        "context_length": context,
        "architecture": {
            "modality": "->".join("+".join(side) for side in modalities),
            "input_modalities": modalities[0],
            "output_modalities": modalities[1],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {**_ZEROS, **pricing},
        "top_provider": {
            "context_length": context,
            "max_completion_tokens": output,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": list(_PARAMETERS),
        "default_parameters": None,
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{slug}/endpoints"},
        **members,
    }


def usual_models() -> list[Entry]:
    """What is on offer until somebody changes it; new entries each time."""
    return [*_echoes(), *_texts(), *_media()]


def usual_providers() -> dict[str, dict[str, Entry]]:
    """Providers of models that have several: what each asks, by model and name; the top one first.

    A model that isn't here has one provider, at the model's own price.
    """
    return {
        "deepseek/deepseek-chat-v3.1": {
            "DeepSeek": _deepseek(),
            "DeepInfra": {"prompt": "0.00000027", "completion": "0.000001", "discount": 0.25},
            "Fireworks": {"prompt": "0.0000008", "completion": "0.0000033", "request": "0.0001"},
        },
        "anthropic/claude-sonnet-4.5": {
            "Anthropic": _sonnet(),
            "Google": {"prompt": "0.0000033", "completion": "0.0000165"},
        },
    }


def _echoes() -> list[Entry]:
    """Priced as an unknown model is, a free one, and a router whose price nobody knows."""
    return [
        model("sandbox/echo", _ECHO),
        model("openai/gpt-4o-mini", _ECHO),
        model("anthropic/claude-haiku-4.5", _ECHO),
        model("meta-llama/llama-3.3-70b-instruct:free", {"prompt": "0", "completion": "0"}),
        model("openrouter/auto", {"prompt": "-1", "completion": "-1"}, context_length=2_000_000),
    ]


def _sonnet() -> Entry:
    """Cache prices, two of them for writing, and a surcharge on long prompts."""
    long = {
        "min_prompt_tokens": 200_000,
        "prompt": "0.000006",
        "completion": "0.0000225",
        "input_cache_read": "0.0000006",
        "input_cache_write": "0.0000075",
    }
    return {
        "prompt": "0.000003",
        "completion": "0.000015",
        "input_cache_read": "0.0000003",
        "input_cache_write": "0.00000375",
        "input_cache_write_1h": "0.000006",
        "web_search": "0.01",
        "overrides": [long],
    }


def _deepseek() -> Entry:
    """Half the price from 16:30 to 00:30 UTC, and less still then at weekends."""
    night = {"utc_start": 1630, "utc_end": 30}
    return {
        "prompt": "0.0000002574",
        "completion": "0.0000011",
        "input_cache_read": "0.00000007",
        "overrides": [
            {**night, "prompt": "0.00000013", "completion": "0.00000055"},
            {**night, "utc_days": ["saturday", "sunday"], "completion": "0.0000005"},
        ],
    }


def _texts() -> list[Entry]:
    """Models that answer with text."""
    nano = {"prompt": "0.00000005", "completion": "0.0000004", "input_cache_read": "0.000000005"}
    pro = {
        "prompt": "0.00000125",
        "completion": "0.00001",
        "image": "0.00516",
        "audio": "0.00000125",
        "internal_reasoning": "0.000012",
        "overrides": [{"min_prompt_tokens": 200_000, "prompt": "0.0000025"}],
    }
    sonar = {"prompt": "0.000001", "completion": "0.000001", "request": "0.005"}
    sees = (["text", "image", "file", "audio"], ["text"])
    return [
        model(
            "openai/gpt-5-nano",
            nano,
            context_length=400_000,
            max_completion_tokens=128_000,
            supported_parameters=_THINKING,
        ),
        model(
            "anthropic/claude-sonnet-4.5",
            _sonnet(),
            context_length=1_000_000,
            max_completion_tokens=64_000,
            supported_parameters=_THINKING,
        ),
        model(
            "google/gemini-2.5-pro",
            pro,
            context_length=1_048_576,
            max_completion_tokens=65_536,
            modalities=sees,
            supported_parameters=_THINKING,
        ),
        model("deepseek/deepseek-chat-v3.1", _deepseek(), context_length=163_840),
        model("perplexity/sonar", {**sonar, "web_search": "0.005"}, max_completion_tokens=None),
        model(
            "openai/gpt-4-0314",
            {"prompt": "0.00003", "completion": "0.00006"},
            context_length=8_191,
            max_completion_tokens=4_096,
            expiration_date="2027-03-31",
        ),
    ]


def _media() -> list[Entry]:
    """Models that answer with anything else; `/models` shows them only to who asks for all."""
    return [
        model(
            "openai/text-embedding-3-small",
            {"prompt": "0.00000002", "completion": "0"},
            context_length=8_192,
            modalities=(["text"], ["embeddings"]),
        ),
        model(
            "perplexity/pplx-embed-v1",
            {"prompt": "0.000000004", "completion": "0"},
            modalities=(["text"], ["embeddings"]),
        ),
        model(
            "cohere/rerank-v3.5",
            {"prompt": "0", "completion": "0", "request": "0.002"},
            modalities=(["text"], ["rerank"]),
        ),
        model(
            "google/gemini-2.5-flash-image",
            {"prompt": "0.0000003", "completion": "0.0000025", "image_token": "0.00003"},
            modalities=(["text", "image"], ["image"]),
        ),
        model(
            "openai/gpt-4o-mini-tts",
            {"prompt": "0.0000006", "completion": "0"},
            modalities=(["text"], ["speech"]),
        ),
        model(
            "openai/whisper-large-v3",
            {"prompt": "0.000005", "completion": "0.000001"},
            modalities=(["audio"], ["transcription"]),
        ),
        model(
            "google/veo-3.1",
            {"prompt": "0", "completion": "0.0004"},
            modalities=(["text"], ["video"]),
        ),
    ]
