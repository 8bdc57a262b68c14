"""The sandbox's `/generation`, `/key`, `/credits` and `/models`."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger import clock
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

HELLO = [{"role": "user", "content": "Hello there"}]
FIELDS = """
    id upstream_id created_at model total_cost usage upstream_inference_cost cache_discount
    is_byok provider_name tokens_prompt tokens_completion native_tokens_prompt
    native_tokens_completion native_tokens_reasoning native_tokens_cached
    native_tokens_completion_images latency generation_time moderation_latency finish_reason
    native_finish_reason streamed cancelled api_type app_id external_user origin http_referer
    user_agent session_id request_id response_cache_source_id workspace_id preset_id router
    service_tier web_search_engine data_region num_media_prompt num_media_completion
    num_input_audio_prompt num_search_results num_fetches provider_responses
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=10) as made:
        yield made


def ask(client: httpx.Client, model: str, **more: Any) -> str:
    answer = client.post("/chat/completions", json={"model": model, "messages": HELLO, **more})
    return answer.headers["X-Generation-Id"]


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=Decimal)["data"]


def test_a_generation_record_has_every_field_of_the_contract(client: httpx.Client) -> None:
    generation_id = ask(client, "a/b:free", user="u1", session_id="s1")
    answer = client.get("/generation", params={"id": generation_id})
    data = answer.json()["data"]
    assert set(data) == set(FIELDS.split())
    assert (data["id"], data["external_user"], data["session_id"]) == (generation_id, "u1", "s1")
    assert data["tokens_prompt"] != data["native_tokens_prompt"] == 2
    assert data["tokens_completion"] != data["native_tokens_completion"] == 4
    assert data["model"].startswith("a/b-20")
    assert data["created_at"].endswith("Z")
    assert data["latency"] < data["generation_time"]
    assert data["provider_responses"][0]["status"] == 200
    assert data["http_referer"] is None


def test_the_settled_cost_is_the_answers_literal_unless_scripted(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    first = ask(client, "sandbox/cost-0.0004970133333333333")
    answer = client.get("/generation", params={"id": first})
    assert b'"total_cost":0.0004970133333333333,"usage":0.0004970133333333333,' in answer.content
    sandbox.reply(model="a/b", cost="0.0012", settled_cost="0.0013")
    second = ask(client, "a/b")
    settled = exact(client.get("/generation", params={"id": second}))
    assert settled["total_cost"] == Decimal("0.0013")
    assert sandbox.calls[-1].cost == "0.0012"
    assert sandbox.calls[-1].charged == Decimal("0.0013")


def test_byok_shows_the_providers_bill_and_others_show_zero(client: httpx.Client) -> None:
    own = exact(client.get("/generation", params={"id": ask(client, "sandbox/byok")}))
    assert (own["total_cost"], own["is_byok"]) == (0, True)
    assert own["upstream_inference_cost"] == Decimal("0.0003253")
    other = exact(client.get("/generation", params={"id": ask(client, "a/b")}))
    assert (other["upstream_inference_cost"], other["is_byok"]) == (0, False)


def test_a_generation_is_404_until_its_delay_is_over(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.settings.generation_delay_s = 60
    slow = ask(client, "a/b")
    quick = ask(client, "sandbox/delay-200")
    answer = client.get("/generation", params={"id": slow})
    assert answer.status_code == 404
    assert answer.json() == {"error": {"message": f"Generation {slow} not found", "code": 404}}
    assert answer.headers["cache-control"] == "private, no-store"
    assert client.get("/generation", params={"id": quick}).status_code == 404
    until = clock.monotonic() + 5
    while client.get("/generation", params={"id": quick}).status_code == 404:
        assert clock.monotonic() < until
        clock.sleep(0.02)
    assert client.get("/generation", params={"id": slow}).status_code == 404


def test_a_wrong_id_gets_the_same_404(client: httpx.Client) -> None:
    answer = client.get("/generation", params={"id": "gen-1-x"})
    assert answer.json() == {"error": {"message": "Generation gen-1-x not found", "code": 404}}
    assert client.get("/generation").status_code == 400


def test_work_is_booked_though_the_caller_left_before_the_answer(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post(
            "/chat/completions",
            json={"model": "sandbox/slow-300", "messages": HELLO},
            timeout=0.05,
        )
    (call,) = sandbox.calls
    generation = {"id": call.generation_id or ""}
    assert client.get("/generation", params=generation).status_code == 404  # still at work
    until = clock.monotonic() + 5
    while client.get("/generation", params=generation).status_code == 404:
        assert clock.monotonic() < until
        clock.sleep(0.02)
    assert not call.answered


def test_parallel_lookups_beyond_a_limit_get_429(sandbox: Sandbox, client: httpx.Client) -> None:
    generation_id = ask(client, "a/b")
    sandbox.configure(generation_max_parallel=2, generation_latency_s=0.2)

    def look(_number: int) -> int:
        return client.get("/generation", params={"id": generation_id}).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(look, range(6)))
    assert statuses == [200, 200, 429, 429, 429, 429]


def test_lookups_need_a_key_and_can_be_made_to_fail(sandbox: Sandbox, client: httpx.Client) -> None:
    params = {"id": ask(client, "a/b")}
    assert httpx.get(f"{sandbox.base_url}/generation", params=params).status_code == 401
    sandbox.fail(500, endpoint="generation", times=2)
    statuses = [client.get("/generation", params=params).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_the_key_reports_usage_masked(sandbox: Sandbox, client: httpx.Client) -> None:
    ask(client, "sandbox/cost-1.25")
    data = client.get("/key").json()["data"]
    assert data == client.get("/auth/key").json()["data"]
    assert (data["usage"], data["usage_daily"], data["usage_monthly"]) == (1.25, 1.25, 1.25)
    assert data["label"] == "sk-or-v1-5a5...a5a"
    assert (data["limit"], data["limit_remaining"], data["is_management_key"]) == (
        None,
        None,
        False,
    )
    sandbox.settings.key_limit = Decimal(2)
    assert b'"limit_remaining":0.75,' in client.get("/key").content


def test_credits_are_for_management_keys(sandbox: Sandbox, client: httpx.Client) -> None:
    ask(client, "sandbox/cost-1.25")
    refused = client.get("/credits")
    assert refused.status_code == 403
    message = "Only management keys can perform this operation"
    assert refused.json()["error"]["message"] == message
    sandbox.settings.credits_as_zeros = True
    assert client.get("/credits").json()["data"] == {"total_credits": 0, "total_usage": 0}
    sandbox.settings.management_keys = {sandbox.key}
    assert client.get("/credits").json()["data"] == {"total_credits": 100, "total_usage": 1.25}
    assert client.get("/key").json()["data"]["is_management_key"] is True


def test_models_are_public_with_prices_as_text(sandbox: Sandbox) -> None:
    models = httpx.get(f"{sandbox.base_url}/models").json()["data"]
    prices = {model["id"]: model["pricing"]["prompt"] for model in models}
    assert prices["sandbox/echo"] == "0.000000106"
    assert prices["openrouter/auto"] == "-1"
    sandbox.settings.models = [{"id": "mine/only"}]
    assert httpx.get(f"{sandbox.base_url}/models").json()["data"] == [{"id": "mine/only"}]
