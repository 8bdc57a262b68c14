"""What the sandbox really charges: exactly what the oracle says, and never above the bound."""

import contextlib
import json
import statistics
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import charges
import httpx
import limitkit
import pytest
from callkit import open_ledger
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from limitkit import Json

from ledger.client import Ledger
from ledger.limits.bound import upper_bound
from ledger.limits.prices import PriceBook
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about prices: tests/integration/test_prices.py has engines

_TEXTS = (
    "sandbox/echo", "openai/gpt-4o-mini", "openai/gpt-5-nano", "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-pro", "deepseek/deepseek-chat-v3.1", "deepseek/deepseek-chat-v3.1:floor",
    "perplexity/sonar", "openai/gpt-4-0314", "meta-llama/llama-3.3-70b-instruct:free",
)  # fmt: skip
MODELS = {
    **dict.fromkeys(("chat/completions", "completions", "responses", "messages"), _TEXTS),
    "embeddings": ("openai/text-embedding-3-small", "perplexity/pplx-embed-v1"),
    "rerank": ("cohere/rerank-v3.5",),
    "images": ("google/gemini-2.5-flash-image",),
    "audio/speech": ("openai/gpt-4o-mini-tts",),
    "audio/transcriptions": ("openai/whisper-large-v3",),
}
PICO = 10**12


class Bench:
    """A sandbox, a ledger that knows its catalogue, and what was charged and bound so far."""

    def __init__(self, sandbox: Sandbox, ledger: Ledger) -> None:
        self.sandbox = sandbox
        self.prices = PriceBook(ledger.books)
        self.http = httpx.Client(
            base_url=sandbox.base_url,
            headers={"Authorization": f"Bearer {sandbox.key}"},
            timeout=20,
        )
        listed = self.http.get("/models", params={"output_modalities": "all"}).json()["data"]
        self.models = {entry["id"]: entry for entry in listed}
        self.remembered: set[tuple[str, str]] = set()

    def charge(self, endpoint: str, body: Json) -> Fraction:
        """Send it; what was really charged, in USD."""
        answer = self.http.post(f"/{endpoint}", json=body)
        assert answer.status_code in (200, 202), answer.text
        call = self.sandbox.calls[-1]
        return Fraction(call.charged) + Fraction(call.upstream)

    def expected(self, endpoint: str, body: Json) -> Fraction:
        """What the oracle says of the call that was just made."""
        settings = self.sandbox.settings
        slug = body["model"].removesuffix(":floor")
        asked = self._asked(slug)
        if body["model"].endswith(":floor"):
            asked.sort(key=lambda each: _weight(each[1]))
        maximal = settings.appetite == "maximal"
        name, pricing = max(asked, key=lambda each: _weight(each[1])) if maximal else asked[0]
        told = self.models[slug]
        cached, written = self._cache(endpoint, body["model"], body)
        served = charges.Served(
            pricing=pricing,
            most=told["top_provider"]["max_completion_tokens"] or told["context_length"],
            at=self.sandbox.calls[-1].started_at,
            appetite=settings.appetite,
            cached=cached,
            written=written,
            written_1h=written,
            fee=Fraction(settings.byok_fee) if name in settings.byok_providers else None,
        )
        return charges.charge(endpoint, body, served)

    def _asked(self, slug: str) -> list[tuple[str, Json]]:
        """Each provider's prices, as its endpoints tell them."""
        offers = self.http.get(f"/models/{slug}/endpoints").json()["data"]["endpoints"]
        return [(offer["provider_name"], offer["pricing"]) for offer in offers]

    def _cache(self, endpoint: str, slug: str, body: Json) -> tuple[int, int]:
        """Prompt tokens read from and written to the cache: what is marked is read the next time.

        All marks of the tests are for an hour.
        """
        said = body.get("messages", body.get("input", []))
        parts = [
            part
            for message in (said if endpoint in MODELS and isinstance(said, list) else [])
            for part in (message["content"] if isinstance(message, dict) else [])
            if isinstance(part, dict)
        ]
        marked = [at for at, part in enumerate(parts) if "cache_control" in part]
        text = "".join(part.get("text", "") for part in parts[: marked[-1] + 1]) if marked else ""
        if not text:
            return 0, 0
        tokens = max(1, len(text.encode()) // 4)
        if (slug, text) in self.remembered:
            return tokens, 0
        self.remembered.add((slug, text))
        return 0, tokens


def _weight(pricing: Json) -> Fraction:
    keep = 1 - Fraction(str(pricing.get("discount", 0)))
    return (Fraction(pricing["prompt"]) + Fraction(pricing["completion"])) * keep


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox())
        home: Path = tmp_path_factory.mktemp("bounds") / "home"
        ledger = stack.enter_context(open_ledger(home, sandbox.base_url))
        assert not ledger.sync_models().failed
        bench = Bench(sandbox, ledger)
        stack.callback(bench.http.close)
        yield bench


_CALM: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def _agree(bench: Bench, endpoint: str, body: Json, how: Json) -> None:
    bench.sandbox.configure(**how)
    bound = upper_bound(body, endpoint, bench.prices).pico
    charged = bench.charge(endpoint, body)
    assert charged == bench.expected(endpoint, body)
    assert charged * PICO <= bound


_ways = st.fixed_dictionaries(
    {
        "appetite": st.sampled_from(["usual", "thrifty", "maximal"]),
        "byok_providers": st.sampled_from([set(), {"Sandbox", "Anthropic", "DeepSeek"}]),
        "byok_fee": st.sampled_from([Decimal(0), Decimal("0.05")]),
    }
)


@settings(max_examples=100, **_CALM)
@given(asked=limitkit.requests(MODELS), how=_ways)
def test_the_sandbox_charges_what_the_oracle_says_and_no_more_than_the_bound(
    bench: Bench, asked: tuple[str, Json], how: Json
) -> None:
    _agree(bench, *asked, how)


@pytest.mark.long
@settings(max_examples=3000, phases=[Phase.explicit, Phase.generate], **_CALM)
@given(asked=limitkit.requests(MODELS), how=_ways)
def test_so_it_does_3000_times(bench: Bench, asked: tuple[str, Json], how: Json) -> None:
    _agree(bench, *asked, how)


def test_bounds_are_above_what_is_charged_by_a_factor_that_is_known(bench: Bench) -> None:
    """The mix: questions of 200 to 4,000 bytes, limits of 100 to 2,000 tokens, every text model.

    Answers are short (an echo) or as long as they may be: the bound is for the second.
    """
    seen: dict[str, list[float]] = {}
    for appetite in ("usual", "maximal"):
        bench.sandbox.configure(appetite=appetite, byok_providers=set())
        for number in range(5):
            for model in _TEXTS[:-1]:
                said = "word " * (40 * 2**number)
                body = {
                    "model": model,
                    "messages": [{"role": "user", "content": said}],
                    "max_tokens": 100 * (1 + 4 * number),
                }
                bound = upper_bound(body, "chat/completions", bench.prices).pico
                ratio = bound / (bench.charge("chat/completions", body) * PICO)
                seen.setdefault(appetite, []).append(float(ratio))
    middle = {appetite: statistics.median(ratios) for appetite, ratios in seen.items()}
    print(json.dumps({name: f"{ratio:.2f}" for name, ratio in middle.items()}))
    print({name: (f"{min(r):.2f}", f"{max(r):.2f}") for name, r in seen.items()})
    assert all(ratio >= 1 for ratios in seen.values() for ratio in ratios)
    assert middle["maximal"] < 2
    assert middle["usual"] < 100
