"""The sandbox's answers, over real HTTP: shapes, directives, exact literals."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

HELLO = [{"role": "user", "content": "Hello there"}]


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


def ask(client: httpx.Client, model: str, **more: Any) -> httpx.Response:
    headers = more.pop("headers", None)
    body = {"model": model, "messages": HELLO, **more}
    return client.post("/chat/completions", json=body, headers=headers)


def test_an_ordinary_answer_has_the_recorded_shape(client: httpx.Client) -> None:
    answer = ask(client, "some/model:nitro")
    body = answer.json()
    assert answer.status_code == 200
    assert body["id"] == answer.headers["X-Generation-Id"]
    prefix, unix, random = body["id"].split("-")
    assert (prefix, int(unix), len(random)) == ("gen", body["created"], 20)
    assert body["model"] == "some/model"
    assert body["provider"]
    assert body["service_tier"]
    assert body["system_fingerprint"]
    (choice,) = body["choices"]
    assert choice["message"]["content"] == "Echo: Hello there"
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "completed")
    assert body["usage"]["is_byok"] is False
    upstream = body["usage"]["cost_details"]["upstream_inference_cost"]
    assert upstream == body["usage"]["cost"]


def test_an_unscripted_call_costs_what_the_documented_rule_says(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    messages = [
        {"role": "system", "content": "x" * 40},
        {"role": "user", "content": [{"type": "text", "text": "y" * 8}, {"type": "image_url"}]},
    ]
    body = client.post("/chat/completions", json={"model": "a/b", "messages": messages})
    usage = json.loads(body.content, parse_float=Decimal)["usage"]
    reply_tokens = len("Echo: " + "y" * 8) // 4
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (12, reply_tokens)
    expected = 12 * Decimal("0.000000106") + reply_tokens * Decimal("0.000000212")
    assert usage["cost"] == expected == sandbox.spent


def test_a_free_model_costs_a_reported_zero(sandbox: Sandbox, client: httpx.Client) -> None:
    assert b'"cost":0,' in ask(client, "a/b:free").content
    assert sandbox.spent == 0


@pytest.mark.parametrize(
    "literal",
    [
        "1e-7",
        "0.0004970133333333333",
        "0.0076509169000000005",
        "4.1400000000000003e-05",
        "NaN",
        '"0.5"',
        "-1",
        "true",
        "null",
        "1E+400",
    ],
)
def test_a_cost_literal_is_in_the_body_digit_for_digit(client: httpx.Client, literal: str) -> None:
    assert f'"cost":{literal},'.encode() in ask(client, f"sandbox/cost-{literal}").content


def test_what_is_charged_is_the_literal_or_the_rule_where_it_is_no_amount(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    ask(client, "sandbox/cost-0.0004970133333333333")
    assert sandbox.spent == Decimal("0.0004970133333333333")
    sandbox.reset()
    answer = ask(client, "sandbox/cost-missing")
    assert "cost" not in answer.json()["usage"]
    assert sandbox.calls[0].cost is None
    assert sandbox.spent == 2 * Decimal("0.000000106") + 4 * Decimal("0.000000212")


def test_byok_reports_both_bills(sandbox: Sandbox, client: httpx.Client) -> None:
    answer = ask(client, "sandbox/byok")
    usage = answer.json()["usage"]
    assert (usage["cost"], usage["is_byok"]) == (0, True)
    assert b'"upstream_inference_cost":0.0003253' in answer.content
    assert sandbox.spent == 0
    assert sandbox.calls[0].upstream == Decimal("0.0003253")


STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 524, 529]


@pytest.mark.parametrize("status", [*STATUSES, 418])
def test_every_error_status_has_the_contracts_body_and_is_not_charged(
    sandbox: Sandbox, client: httpx.Client, status: int
) -> None:
    answer = ask(client, f"sandbox/error-{status}")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status
    assert answer.json()["error"]["message"]
    assert "X-Generation-Id" not in answer.headers
    assert sandbox.spent == 0
    assert sandbox.calls[0].answered


def test_errors_carry_the_metadata_of_their_cause(client: httpx.Client) -> None:
    moderated = ask(client, "sandbox/error-403").json()
    assert moderated["error"]["metadata"]["flagged_input"] == "Hello there"
    assert moderated["user_id"]
    limited = ask(client, "sandbox/error-429")
    assert limited.headers["Retry-After"] == "7"
    assert len(limited.headers["X-RateLimit-Reset"]) == 13  # epoch milliseconds
    assert limited.json()["error"]["metadata"]["headers"]["X-RateLimit-Remaining"] == "0"
    gone = ask(client, "sandbox/error-503-availability").json()["error"]
    assert ("code" in gone, gone["http_status"]) == (False, 503)
    page = ask(client, "sandbox/error-502-html")
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
    assert page.text.startswith("<html>")
    routing = ask(client, "sandbox/error-404-routing").json()["error"]["metadata"]
    assert routing["requested_providers"]


def test_an_error_can_come_after_charged_work(sandbox: Sandbox, client: httpx.Client) -> None:
    answer = ask(client, "sandbox/error-502,with-id,cost-0.5")
    assert answer.status_code == 502
    assert answer.headers["X-Generation-Id"] == sandbox.calls[0].generation_id
    assert sandbox.spent == Decimal("0.5")


def test_odd_answers_look_as_their_directive_says(client: httpx.Client) -> None:
    failed = ask(client, "sandbox/error-200")
    assert (failed.status_code, failed.json()["error"]["code"]) == (200, 502)
    assert "choices" not in failed.json()
    partial = ask(client, "sandbox/choice-error").json()["choices"][0]
    assert partial["error"]["code"] == 502
    assert partial["message"]["content"]
    assert ask(client, "sandbox/no-choices").json()["choices"] == []
    assert ask(client, "sandbox/null-content").json()["choices"][0]["message"]["content"] is None
    assert "usage" not in ask(client, "sandbox/no-usage").json()
    assert "id" not in ask(client, "sandbox/no-id").json()
    assert "X-Generation-Id" not in ask(client, "sandbox/no-header-id").headers
    tool = ask(client, "sandbox/tool-call").json()["choices"][0]
    assert tool["message"]["tool_calls"][0]["function"]["name"] == "lookup"
    unknown = ask(client, "sandbox/unknown-fields").json()
    assert unknown["zz_new"]
    assert unknown["choices"][0]["finish_reason"] == "singularity"
    assert ask(client, "sandbox/served-x-ai/grok-4").json()["model"] == "x-ai/grok-4"


def test_a_reasoning_only_answer_breaks_token_arithmetic_as_recorded(client: httpx.Client) -> None:
    body = ask(client, "sandbox/reasoning-only").json()
    choice, usage = body["choices"][0], body["usage"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "length")
    assert choice["message"]["reasoning"]
    details = usage["completion_tokens_details"]
    assert details["reasoning_tokens"] == usage["completion_tokens"] + 1


def test_bodies_that_are_no_json(client: httpx.Client) -> None:
    empty = ask(client, "sandbox/empty-body")
    assert (empty.status_code, empty.content) == (200, b"")
    assert empty.headers["X-Generation-Id"]
    page = ask(client, "sandbox/html")
    assert page.headers["content-type"].startswith("text/html")
    assert "X-Generation-Id" not in page.headers


def test_keepalive_whitespace_comes_before_the_body_in_parts_of_its_own(
    client: httpx.Client,
) -> None:
    body = {"model": "sandbox/keepalive", "messages": HELLO}
    with client.stream("POST", "/chat/completions", json=body) as answer:
        parts = list(answer.iter_raw())
        assert answer.headers["transfer-encoding"] == "chunked"
    assert [part.strip() for part in parts[:3]] == [b"", b"", b""]
    assert json.loads(b"".join(parts))["choices"]


def test_slow_waits_and_drip_sends_byte_by_byte(client: httpx.Client) -> None:
    assert ask(client, "sandbox/slow-150").elapsed.total_seconds() >= 0.15
    dripped = ask(client, "sandbox/drip-1")
    assert dripped.elapsed.total_seconds() >= len(dripped.content) / 1000
    assert dripped.json()["choices"]


@pytest.mark.parametrize("directive", ["cut", "hangup", "keepalive,cut"])
def test_a_connection_that_breaks_was_charged_all_the_same(
    sandbox: Sandbox, client: httpx.Client, directive: str
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client, f"sandbox/{directive}")
    (call,) = sandbox.calls
    assert (call.answered, call.charged > 0) == (False, True)
    found = client.get("/generation", params={"id": call.generation_id})
    assert found.json()["data"]["total_cost"] > 0


def test_a_redirect_leads_to_a_path_where_a_second_post_would_be_seen(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    assert ask(client, "sandbox/redirect").status_code == 302
    assert [call.status for call in sandbox.calls] == [302]
    client.follow_redirects = True
    ask(client, "sandbox/redirect-307")
    assert [call.endpoint for call in sandbox.calls[1:]] == ["/chat/completions", "/elsewhere"]


def test_a_header_directs_any_model_and_the_last_word_wins(client: httpx.Client) -> None:
    answer = ask(client, "a/b", headers={"X-Sandbox": "cost-1, cost-2e-7"})
    assert b'"cost":2e-7,' in answer.content
    answer = ask(client, "sandbox/cost-1", headers={"X-Sandbox": "cost-3"})
    assert b'"cost":3,' in answer.content


@pytest.mark.parametrize("model", ["sandbox/nothing", "sandbox/slow-soon", "sandbox/error-200x"])
def test_an_unknown_directive_is_no_model(client: httpx.Client, model: str) -> None:
    answer = ask(client, model)
    assert answer.status_code == 400
    assert f"{model} is not a valid model ID" in answer.json()["error"]["message"]


def test_bad_requests_are_refused_and_seen(sandbox: Sandbox, client: httpx.Client) -> None:
    refused = ask(client, "invalid/model")
    assert refused.json()["error"]["message"] == "invalid/model is not a valid model ID"
    assert client.post("/chat/completions", content=b"{").status_code == 400
    assert client.post("/chat/completions", json={"model": "a/b"}).status_code == 400
    assert [call.status for call in sandbox.calls] == [400, 400, 400]


def test_without_a_model_the_accounts_default_or_the_first_of_models_answers(
    client: httpx.Client,
) -> None:
    asked = {"messages": HELLO}
    assert client.post("/chat/completions", json=asked).json()["model"] == "openrouter/auto"
    several = {**asked, "models": ["x/y", "a/b"]}
    assert client.post("/chat/completions", json=several).json()["model"] == "x/y"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer sk-or-v1-", "Bearer wrong", "Basic x"])
def test_a_key_of_another_shape_gets_401(sandbox: Sandbox, header: str) -> None:
    answer = httpx.post(
        f"{sandbox.base_url}/chat/completions",
        json={"model": "a/b", "messages": HELLO},
        headers={"Authorization": header} if header else {},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)
    assert sandbox.calls[0].charged == 0


def test_listed_keys_are_refused_and_management_keys_may_not_run_inference(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.configure(refused_keys=[sandbox.key])
    assert ask(client, "a/b").status_code == 401
    sandbox.configure(refused_keys=[], management_keys=[sandbox.key])
    assert ask(client, "a/b").status_code == 403


def test_what_is_recorded_of_a_call_has_no_key_and_its_repr_no_content(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    ask(client, "a/b", temperature=0, user="someone", headers={"X-Title": "t"})
    (call,) = sandbox.calls
    assert call.messages == HELLO
    assert call.params == {"temperature": 0, "user": "someone"}
    assert call.headers["x-title"] == "t"
    assert sandbox.key not in str(call.headers)
    assert "Hello" not in repr(call)
    assert "someone" not in repr(call)


def test_other_paths_are_404_in_the_contracts_shape(client: httpx.Client) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)
