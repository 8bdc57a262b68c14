"""What is on offer now: models, who provides them, at what price; it may change at any time."""

import copy
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.sandbox import costs, listings
from ledger.sandbox.listings import Entry
from ledger.sandbox.plans import BadScript

ECHO_PROVIDER = "Sandbox"
ECHO_ENDPOINT = "00000000-0000-4000-8000-0000000000ee"
_ROUTING = (":nitro", ":floor", ":online", ":thinking", ":extended", ":exacto")
_SPACE = uuid.UUID(ECHO_ENDPOINT)


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider's price for one model.

    Attributes:
        provider: display name.
        endpoint_id: of this model at this provider.
        prices: USD per unit under ordinary conditions, the discount not yet taken off; without
            what costs nothing of its own.
        overrides: conditional prices, as listed.
        discount: the part taken off, 0 to 1.
        most: completion tokens of one answer; None: not stated.
        priced: whether the catalogue knows what it costs.
    """

    provider: str
    endpoint_id: str
    prices: dict[str, Decimal]
    overrides: list[Entry] = field(default_factory=list)
    discount: Decimal = costs.ZERO
    most: int | None = None
    priced: bool = True


ECHO = Offer(
    ECHO_PROVIDER,
    ECHO_ENDPOINT,
    {"prompt": costs.PROMPT_USD, "completion": costs.COMPLETION_USD},
    priced=False,
)
FREE = Offer(
    ECHO_PROVIDER, ECHO_ENDPOINT, {"prompt": costs.ZERO, "completion": costs.ZERO}, priced=False
)
_NO_PRICES = ("overrides", "discount")
# A cache read for nothing is not one that has no price of its own; these are.
_FREE_AT_0 = ("request", "image", "image_token", "audio", "web_search", "internal_reasoning")
_UNKNOWN = [ECHO]
_FREE = [FREE]


class Catalogue:
    """Models and their providers. Its owner locks it."""

    def __init__(self) -> None:
        self.models = {entry["id"]: entry for entry in listings.usual_models()}
        self.providers = listings.usual_providers()
        self._offers: dict[str, list[Offer]] = {}

    def listed(self) -> list[Entry]:
        """Every model's entry."""
        return list(self.models.values())

    def set_model(self, slug: str, members: Entry) -> None:
        """Change members of a model's entry, or list a new model."""
        entry = self.models.get(slug)
        if entry is None:
            echo = {"prompt": f"{costs.PROMPT_USD:f}", "completion": f"{costs.COMPLETION_USD:f}"}
            entry = self.models[slug] = listings.model(slug, echo)
        most = members.pop("max_completion_tokens", entry["top_provider"]["max_completion_tokens"])
        entry["top_provider"] = {**entry["top_provider"], "max_completion_tokens": most}
        entry.update(copy.deepcopy(members))
        self._offers.clear()

    def set_price(self, slug: str, provider: str | None, pricing: Entry) -> None:
        """Change prices, of one provider or of the model itself and so of the first one.

        Raises:
            BadScript: a price that is no decimal text.
        """
        for name, price in pricing.items():
            _checked(name, price)
        if slug not in self.models:
            self.set_model(slug, {})
        listed = self.models[slug]["pricing"]
        known = self.providers.get(slug) or {ECHO_PROVIDER: dict(listed)}
        name = provider or next(iter(known))
        before: Entry = known.get(name) or listed
        known[name] = {**before, **copy.deepcopy(pricing)}
        if provider is not None or slug in self.providers:
            self.providers[slug] = known
        if name == next(iter(known)):
            self.models[slug]["pricing"] = {**listed, **copy.deepcopy(pricing)}
        self._offers.clear()

    def drop(self, slug: str, provider: str | None = None) -> None:
        """Take a model, or one provider of it, off the catalogue."""
        if provider is None:
            self.models.pop(slug, None)
            self.providers.pop(slug, None)
        else:
            self.providers.get(slug, {}).pop(provider, None)
        self._offers.clear()

    def entry(self, slug: str) -> Entry | None:
        """The entry of a model, whatever suffix of routing its name has."""
        return self.models.get(slug) or self.models.get(bare(slug))

    def offers(self, slug: str) -> list[Offer]:
        """What providers ask for a model, the top one first; the documented rule for an unknown."""
        known = self._offers.get(slug)
        if known is None:
            known = self._offers[slug] = self._found(slug)
        return known

    def _found(self, slug: str) -> list[Offer]:
        """The offers for a model, looked up."""
        entry = self.entry(slug)
        if entry is None or "pricing" not in entry:
            return _FREE if bare(slug).endswith(":free") else _UNKNOWN
        if entry["pricing"]["prompt"].startswith("-"):
            return _UNKNOWN
        most = entry["top_provider"]["max_completion_tokens"] or entry["context_length"]
        asked = self.providers.get(entry["id"]) or {ECHO_PROVIDER: entry["pricing"]}
        return [_offer(entry["id"], name, pricing, most) for name, pricing in asked.items()]

    def endpoints(self, slug: str) -> Entry | None:
        """`/models/{author}/{slug}/endpoints` of a model, or None where there is no such model."""
        entry = self.models.get(slug)
        if entry is None:
            return None
        asked = self.providers.get(slug) or {ECHO_PROVIDER: entry["pricing"]}
        shown = ("id", "name", "created", "description", "architecture")
        listed = [_endpoint(entry, name, pricing) for name, pricing in asked.items()]
        return {**{name: entry.get(name) for name in shown}, "endpoints": listed}

    def provider_names(self) -> list[str]:
        """Everybody who provides anything."""
        names = {name for asked in self.providers.values() for name in asked}
        return sorted({ECHO_PROVIDER, *names})


def bare(slug: str) -> str:
    """A model's name without suffixes that only say who should serve."""
    if ":" not in slug:
        return slug
    for suffix in _ROUTING:
        slug = slug.removesuffix(suffix)
    return slug


def _checked(name: str, price: object) -> None:
    """Refuse a price that could not be in the catalogue.

    Raises:
        BadScript: it is no text of a decimal number.
    """
    if name in _NO_PRICES:
        return
    if not isinstance(price, str) or costs.amount_of(price.removeprefix("-")) is None:
        raise BadScript(f"the price {name} is decimal text such as '0.000001', not {price!r}")


def _offer(slug: str, provider: str, pricing: Entry, most: int | None) -> Offer:
    """One provider's price, ready to be charged."""
    named = {name: price for name, price in pricing.items() if name not in _NO_PRICES}
    listed = {name: Decimal(price) for name, price in named.items()}
    prices = {name: price for name, price in listed.items() if price or name not in _FREE_AT_0}
    discount = Decimal(str(pricing.get("discount", 0)))
    overrides = pricing.get("overrides", [])
    return Offer(provider, endpoint_id(slug, provider), prices, overrides, discount, most)


def endpoint_id(slug: str, provider: str) -> str:
    """The id of a model at a provider, always the same."""
    return ECHO_ENDPOINT if provider == ECHO_PROVIDER else str(uuid.uuid5(_SPACE, slug + provider))


def _endpoint(entry: Entry, provider: str, pricing: Entry) -> Entry:
    """One provider's entry in the provider's shape."""
    return {
        "name": f"{provider} | {entry['canonical_slug']}",
        "model_id": entry["id"],
        "model_name": entry["name"],
        "context_length": entry["context_length"],
        "pricing": pricing,
        "provider_name": provider,
        "tag": provider.lower(),
        "quantization": None,
        "max_completion_tokens": entry["top_provider"]["max_completion_tokens"],
        "max_prompt_tokens": None,
        "supported_parameters": entry["supported_parameters"],
        "status": 0,
        "uptime_last_30m": 100,
        "uptime_last_5m": 100,
        "uptime_last_1d": 99.9,
        "supports_implicit_caching": False,
        "supports_diarization": False,
        "supports_tool_choice": dict.fromkeys(("auto", "function", "none", "required"), True),
        "native_tools": {},
        "service_tier": None,
        "latency_last_30m": None,
        "throughput_last_30m": None,
    }


def listing(models: list[Any], modality: str) -> list[Any]:
    """The models that `/models` shows: those that answer with text, or what else is asked for."""
    if modality == "all":
        return models
    wanted = set((modality or "text").split(","))
    return [entry for entry in models if wanted & _outputs(entry)]


def _outputs(entry: Any) -> set[str]:
    """What a model answers with; text, where its entry doesn't say."""
    return set(entry.get("architecture", {}).get("output_modalities", ["text"]))
