"""The sandbox's catalogue, and what a call costs by it: each kind of price against plain sums."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger.sandbox import BadScript, Sandbox

pytestmark = pytest.mark.one_engine  # no ledger is opened here

HELLO = [{"role": "user", "content": "Hello there, you"}]  # 16 bytes: 4 tokens
SONNET = "anthropic/claude-sonnet-4.5"
DEEPSEEK = "deepseek/deepseek-chat-v3.1"
D = Decimal


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    return server


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=10) as made:
        yield made


def ask(client: httpx.Client, model: str, directives: str = "", **more: Any) -> Any:
    body = {"model": model, "messages": HELLO, **more}
    headers = {"X-Sandbox": directives} if directives else {}
    answer = client.post("/chat/completions", json=body, headers=headers)
    return json.loads(answer.content, parse_float=D)


def cost(client: httpx.Client, model: str, directives: str = "", **more: Any) -> Decimal:
    return D(ask(client, model, directives, **more)["usage"]["cost"])


def pricing(client: httpx.Client, model: str) -> Any:
    listed = client.get("/models", params={"output_modalities": "all"}).json()["data"]
    return next(entry for entry in listed if entry["id"] == model)["pricing"]


def test_the_catalogue_lists_texts_and_on_demand_all(client: httpx.Client) -> None:
    texts = {entry["id"] for entry in client.get("/models").json()["data"]}
    everything = client.get("/models", params={"output_modalities": "all"}).json()["data"]
    assert texts < {entry["id"] for entry in everything}
    assert all(isinstance(entry["pricing"]["prompt"], str) for entry in everything)
    embedding = client.get("/embeddings/models").json()["data"]
    assert {"openai/text-embedding-3-small"} <= {entry["id"] for entry in embedding}
    assert client.get("/models/user").json() == client.get("/models").json()
    assert client.get("/models/count").json()["data"]["count"] == len(texts)


def test_each_model_has_its_endpoints(client: httpx.Client) -> None:
    several = client.get(f"/models/{DEEPSEEK}/endpoints").json()["data"]
    assert [one["provider_name"] for one in several["endpoints"]] == [
        "DeepSeek",
        "DeepInfra",
        "Fireworks",
    ]
    completions = [D(one["pricing"]["completion"]) for one in several["endpoints"]]
    assert max(completions) >= 3 * min(completions)
    one = client.get("/models/sandbox/echo/endpoints").json()["data"]
    assert one["endpoints"][0]["pricing"] == pricing(client, "sandbox/echo")
    assert client.get("/models/no/such/endpoints").status_code == 404
    names = {provider["name"] for provider in client.get("/providers").json()["data"]}
    assert {"DeepSeek", "Fireworks"} <= names


def test_a_call_costs_what_the_catalogue_says(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.reply(tokens=(1000, 500))
    assert cost(client, "openai/gpt-5-nano") == 1000 * D("0.00000005") + 500 * D("0.0000004")
    assert cost(client, "perplexity/sonar") == 1500 * D("0.000001") + D("0.005")
    assert cost(client, "openrouter/auto") == 1000 * D("0.000000106") + 500 * D("0.000000212")
    assert cost(client, "openai/gpt-5-nano:free") == 0


def test_long_prompts_cost_more_from_one_token_beyond(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.reply(tokens=(200_000, 10), times=1)
    sandbox.reply(tokens=(200_001, 10), times=1)
    assert cost(client, SONNET) == 200_000 * D("0.000003") + 10 * D("0.000015")
    assert cost(client, SONNET) == 200_001 * D("0.000006") + 10 * D("0.0000225")


@pytest.mark.parametrize(
    ("at", "completion"),
    [
        ("2026-11-23T16:29:59+00:00", "0.0000011"),
        ("2026-11-23T16:30:00+00:00", "0.00000055"),
        ("2026-11-24T00:29:59+00:00", "0.00000055"),
        ("2026-11-24T00:30:00+00:00", "0.0000011"),
        ("2026-11-28T23:00:00+00:00", "0.0000005"),
        ("2026-11-28T12:00:00+00:00", "0.0000011"),
    ],
)
def test_hours_and_days_have_prices_and_later_overrides_win(
    sandbox: Sandbox, client: httpx.Client, at: str, completion: str
) -> None:
    sandbox.reply(tokens=(0, 1_000_000))
    assert cost(client, DEEPSEEK, f"at-{at}") == 1_000_000 * D(completion)


def test_caches_reasoning_and_searches_have_prices(client: httpx.Client) -> None:
    paid = cost(client, SONNET, "cached-1000,cache-write-100")
    assert paid == (
        1000 * D("0.0000003") + 100 * D("0.00000375") + tokens_of_echo() * D("0.000015")
    )
    thought = ask(client, "google/gemini-2.5-pro", reasoning={"max_tokens": 50})["usage"]
    assert thought["completion_tokens_details"]["reasoning_tokens"] == 50
    assert thought["cost"] == (
        4 * D("0.00000125") + 50 * D("0.000012") + tokens_of_echo() * D("0.00001")
    )
    web = [{"id": "web", "max_results": 12}]
    found = ask(client, SONNET, plugins=web)["usage"]
    assert found["server_tool_use_details"]["web_search_requests"] == 1
    plain = cost(client, SONNET)
    assert found["cost"] - plain == D("0.01") + 2 * D("0.001")
    assert cost(client, "a/b:online") - cost(client, "a/b") == D("0.007")
    assert cost(client, "a/b:free", plugins=web) == D("0.007") + 2 * D("0.001")


def tokens_of_echo() -> int:
    return len("Echo: Hello there, you") // 4


def test_text_that_asks_for_it_is_written_to_the_cache_then_read(client: httpx.Client) -> None:
    part = {"type": "text", "text": "x" * 400, "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "user", "content": [part, {"type": "text", "text": "y" * 8}]}]
    details = [
        ask(client, SONNET, messages=messages)["usage"]["prompt_tokens_details"] for _ in range(2)
    ]
    assert [(one["cache_write_tokens"], one["cached_tokens"]) for one in details] == [
        (100, 0),
        (0, 100),
    ]


def test_pictures_and_sound_have_prices(client: httpx.Client) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.invalid/a.png"}}
    messages = [{"role": "user", "content": [picture, picture]}]
    plain = cost(client, "google/gemini-2.5-pro", "cached-0,served-google/gemini-2.5-pro")
    assert plain > 0
    seen = ask(client, "google/gemini-2.5-pro", messages=messages)["usage"]
    told = seen["prompt_tokens"] * D("0.00000125") + seen["completion_tokens"] * D("0.00001")
    assert seen["cost"] == told + 2 * D("0.00516")
    image = client.post(
        "/images", json={"model": "google/gemini-2.5-flash-image", "prompt": "A cat", "n": 2}
    )
    paid = json.loads(image.content, parse_float=D)["usage"]["cost"]
    assert paid == 1 * D("0.0000003") + 2 * 1290 * D("0.00003")


def test_the_request_chooses_among_providers(client: httpx.Client) -> None:
    def served(model: str = DEEPSEEK, **provider: Any) -> Any:
        return ask(client, model, "at-2026-11-23T12:00:00Z", provider=provider)["provider"]

    assert served() == "DeepSeek"
    assert served(f"{DEEPSEEK}:floor") == "DeepInfra"
    assert served(f"{DEEPSEEK}:nitro") == "Fireworks"
    assert served(only=["fireworks"]) == "Fireworks"
    assert served(ignore=["DeepSeek"]) == "DeepInfra"
    assert served(order=["fireworks", "deepseek"]) == "Fireworks"
    assert served(max_price={"prompt": "0.27", "completion": "1"}) == "DeepInfra"
    refused = ask(client, DEEPSEEK, provider={"only": ["nobody"]})
    assert refused["error"]["code"] == 404
    assert ask(client, "a/b", provider={"only": ["nobody"]})["provider"] == "Sandbox"


def test_a_discount_is_taken_off_every_price(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.reply(tokens=(100, 100))
    paid = cost(client, DEEPSEEK, provider={"only": ["DeepInfra"]})
    assert paid == 100 * (D("0.00000027") + D("0.000001")) * D("0.75")
    assert ask(client, DEEPSEEK, "provider-Fireworks")["provider"] == "Fireworks"


def test_prices_change_over_time(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.reply(tokens=(1, 1))
    sandbox.set_price("new/model", prompt="0.000001", completion="0.000002")
    assert cost(client, "new/model") == D("0.000003")
    sandbox.set_price("new/model", prompt="0.000002", request="0.5", discount=0.5)
    assert cost(client, "new/model") == D("0.250002")
    assert pricing(client, "new/model")["discount"] == 0.5
    url = f"{sandbox.control_url}/price"
    httpx.post(url, json={"model": "new/model", "provider": "Annex", "prompt": "0"})
    endpoints = client.get("/models/new/model/endpoints").json()["data"]["endpoints"]
    assert [one["provider_name"] for one in endpoints] == ["Sandbox", "Annex"]
    sandbox.set_model("new/model", expiration_date="2027-01-01", max_completion_tokens=7)
    entry = client.get("/models").json()["data"][-1]
    assert (entry["expiration_date"], entry["top_provider"]["max_completion_tokens"]) == (
        "2027-01-01",
        7,
    )
    sandbox.drop_model("new/model")
    assert cost(client, "new/model") == D("0.000000318")
    with pytest.raises(BadScript, match="decimal text"):
        sandbox.set_price("new/model", prompt=0.1)


def test_a_cache_read_for_nothing_is_one_that_has_a_price(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.reply(tokens=(100, 0))
    sandbox.set_price("a/b", prompt="0.01", completion="0", input_cache_read="0")
    assert cost(client, "a/b", "cached-100") == 0
    assert cost(client, "a/b") == 1


def test_a_model_that_fails_hands_over_to_the_next_which_is_billed(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.reply(tokens=(1000, 0))
    body = ask(client, "sandbox/error-503", models=["sandbox/error-429", "openai/gpt-5-nano"])
    assert body["model"] == "openai/gpt-5-nano"
    assert body["usage"]["cost"] == 1000 * D("0.00000005")
    assert sandbox.calls[-1].model == "sandbox/error-503"
    refused = ask(client, "sandbox/error-402", models=["openai/gpt-5-nano"])
    assert refused["error"]["code"] == 402
    sandbox.fail(503, model="a/b")
    assert ask(client, "a/b", models=["c/d"])["model"] == "c/d"


def test_the_echo_obeys_its_limit_and_the_number_of_choices(client: httpx.Client) -> None:
    body = ask(client, "a/b", max_tokens=2, n=3)
    assert [choice["message"]["content"] for choice in body["choices"]] == ["Echo: He"] * 3
    assert {choice["finish_reason"] for choice in body["choices"]} == {"length"}
    assert body["usage"]["completion_tokens"] == 6
    assert ask(client, "a/b", max_tokens=500)["choices"][0]["finish_reason"] == "stop"


def test_appetites_are_thrifty_or_maximal(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.configure(appetite="thrifty")
    assert ask(client, "a/b")["usage"]["completion_tokens"] == 1
    sandbox.configure(appetite="maximal")
    assert ask(client, "a/b", max_tokens=300)["usage"]["completion_tokens"] == 300
    assert ask(client, SONNET)["usage"]["completion_tokens"] == 64_000
    assert ask(client, "a/b")["usage"]["prompt_tokens"] == 16 + 4
    assert ask(client, DEEPSEEK)["provider"] == "Fireworks"


def test_the_users_own_key_pays_the_provider_and_a_fee(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.reply(tokens=(1_000_000, 0))
    sandbox.configure(byok_providers=["DeepInfra"], byok_fee=D("0.05"))
    usage = ask(client, DEEPSEEK, "provider-DeepInfra")["usage"]
    work = 1_000_000 * D("0.00000027") * D("0.75")
    assert (usage["is_byok"], usage["cost"]) == (True, work * D("0.05"))
    assert usage["cost_details"]["upstream_inference_cost"] == work
    assert (sandbox.calls[0].charged, sandbox.calls[0].upstream) == (work * D("0.05"), work)
    assert ask(client, DEEPSEEK, "provider-Fireworks")["usage"]["is_byok"] is False


def test_an_answer_without_output_is_free_but_for_tools(client: httpx.Client) -> None:
    body = ask(client, "a/b", "no-output")
    assert (body["usage"]["cost"], body["usage"]["completion_tokens"]) == (0, 0)
    assert body["choices"][0]["finish_reason"] is None
    assert cost(client, "a/b:online", "no-output") == D("0.007")
    assert cost(client, "a/b", "choice-error,insured") == 0
