"""The sandbox's other endpoints over real HTTP: where each has its id, its usage and its cost."""

import base64
import json
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

HELLO = [{"role": "user", "content": "Hello there"}]
PROMPT_USD, COMPLETION_USD = Decimal("0.000000106"), Decimal("0.000000212")
ASKED: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": HELLO},
    "/completions": {"prompt": "Hello there"},
    "/responses": {"input": "Hello there"},
    "/messages": {"messages": HELLO, "max_tokens": 100},
    "/embeddings": {"input": ["Hello there", "you"]},
    "/rerank": {"query": "Hello there", "documents": ["you", "hello"]},
    "/images": {"prompt": "Hello there"},
    "/audio/speech": {"input": "Hello there"},
    "/audio/transcriptions": {"input_audio": {"data": "AAAA" * 16_000, "format": "wav"}},
    "/videos": {"prompt": "Hello there", "duration": 4},
}
STREAMED = ["/chat/completions", "/completions", "/responses", "/messages", "/images"]
API_TYPES = ["completions"] * 4 + ["embeddings", "rerank", "image", "tts", "stt", "video"]


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


def ask(client: httpx.Client, path: str, model: str = "a/b", **more: Any) -> httpx.Response:
    return client.post(path, json={"model": model, **ASKED[path], **more})


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=Decimal)


def events(answer: httpx.Response) -> list[Any]:
    lines = [line[6:] for line in answer.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line, parse_float=Decimal) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize(("path", "api_type"), list(zip(ASKED, API_TYPES, strict=True)))
def test_every_endpoint_is_counted_charged_and_found_afterwards(
    sandbox: Sandbox, client: httpx.Client, path: str, api_type: str
) -> None:
    answer = ask(client, path, "a/b", user="u1")
    assert answer.status_code == (202 if path == "/videos" else 200)
    (call,) = sandbox.calls
    assert (call.endpoint, call.model, call.answered) == (path, "a/b", True)
    assert sandbox.spent == call.charged > 0
    found = client.get("/generation", params={"id": call.generation_id or ""})
    data = exact(found)["data"]
    assert (data["api_type"], data["external_user"]) == (api_type, "u1")
    assert Decimal(str(data["total_cost"])) == call.charged
    if path != "/videos":
        assert answer.headers["X-Generation-Id"] == call.generation_id


@pytest.mark.parametrize("path", ASKED)
def test_every_endpoint_obeys_errors_and_scripts(
    sandbox: Sandbox, client: httpx.Client, path: str
) -> None:
    assert ask(client, path, "sandbox/error-402").status_code == 402
    assert ask(client, path, "invalid/model").status_code == 400
    assert client.post(path, content=b"{").status_code == 400
    assert client.post(path, json={"model": "a/b"}).status_code == 400
    sandbox.fail(503)
    assert ask(client, path).status_code == 503
    assert sandbox.spent == 0
    sandbox.reply(cost="1.25e-7")
    ask(client, path)
    assert sandbox.spent == Decimal("1.25e-7")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client, path, "sandbox/hangup")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client, path, "sandbox/cut")


def test_a_script_can_be_for_one_endpoint(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.fail(429, endpoint="responses", times=None)
    assert ask(client, "/chat/completions").status_code == 200
    assert ask(client, "/responses").status_code == 429


@pytest.mark.parametrize("path", STREAMED)
def test_streams_carry_the_cost_and_the_id_where_the_body_has_one(
    sandbox: Sandbox, client: httpx.Client, path: str
) -> None:
    answer = ask(client, path, "sandbox/cost-0.0004970133333333333", stream=True)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text.count('"cost":0.0004970133333333333') == 1
    (call,) = sandbox.calls
    assert answer.headers["X-Generation-Id"] == call.generation_id
    assert (str(call.generation_id) in answer.text) == (path != "/images")
    assert call.cost == "0.0004970133333333333"
    assert answer.text.endswith("data: [DONE]\n\n") == (path != "/messages")


def test_text_completions_have_text(client: httpx.Client) -> None:
    body = ask(client, "/completions").json()
    assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "Echo: Hello there")
    chunks = events(ask(client, "/completions", stream=True))
    assert "".join(c["choices"][0]["text"] for c in chunks) == "Echo: Hello there"


def test_responses_have_names_of_their_own(sandbox: Sandbox, client: httpx.Client) -> None:
    body = exact(ask(client, "/responses", instructions="Be kind"))
    usage = body["usage"]
    assert body["id"] == sandbox.calls[0].generation_id
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (4, 4, 8)
    assert usage["cost"] == 4 * PROMPT_USD + 4 * COMPLETION_USD
    details = usage["cost_details"]
    assert details["upstream_inference_input_cost"] == 4 * PROMPT_USD
    assert details["upstream_inference_output_cost"] == 4 * COMPLETION_USD
    assert "provider" not in body
    (item,) = body["output"]
    assert item["content"][0]["text"] == "Echo: Hello there"
    assert ask(client, "/responses", store=True).status_code == 400
    assert ask(client, "/responses", previous_response_id="gen-1").status_code == 400


def test_responses_say_how_they_failed(client: httpx.Client) -> None:
    failed = ask(client, "/responses", "sandbox/choice-error").json()
    assert (failed["status"], failed["error_type"]) == ("failed", "provider_unavailable")
    assert failed["usage"]["cost"] > 0
    cut = ask(client, "/responses", "sandbox/reasoning-only").json()
    assert (cut["status"], cut["incomplete_details"]["reason"]) == (
        "incomplete",
        "max_output_tokens",
    )


@pytest.mark.parametrize(
    ("directive", "last"),
    [
        ("tag-1", "response.completed"),
        ("choice-error", "response.failed"),
        ("choice-error,event-response.error", "response.error"),
        ("choice-error,event-error", "error"),
        ("reasoning-only", "response.incomplete"),
        ("error-200", "error"),
    ],
)
def test_responses_stream_from_created_to_the_end(
    client: httpx.Client, directive: str, last: str
) -> None:
    answer = ask(client, "/responses", f"sandbox/{directive}", stream=True)
    found = events(answer)
    assert found[-1]["type"] == last
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    if last != "error":
        assert found[0]["type"] == "response.created"
        assert found[0]["response"]["id"] == answer.headers["X-Generation-Id"]
        assert answer.text.startswith(": \n\n")


def test_messages_have_anthropics_shape_and_our_cost(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    body = exact(ask(client, "/messages", system="Be kind"))
    assert (body["type"], body["stop_reason"], body["provider"]) == (
        "message",
        "end_turn",
        "Sandbox",
    )
    assert body["content"] == [{"type": "text", "text": "Echo: Hello there", "citations": None}]
    usage = body["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (4, 4)
    assert usage["cost"] == sandbox.spent
    found = events(ask(client, "/messages", stream=True))
    assert [found[0]["type"], *[event["type"] for event in found[-2:]]] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    assert found[0]["message"]["usage"]["input_tokens"] == 0
    assert found[-2]["usage"]["cost"] == sandbox.calls[-1].charged


def test_messages_fail_in_anthropics_shape(client: httpx.Client) -> None:
    error = ask(client, "/messages", "sandbox/error-429").json()
    assert (error["type"], error["error"]["type"]) == ("error", "rate_limit_error")
    for directive in ("choice-error", "error-200"):
        found = events(ask(client, "/messages", f"sandbox/{directive}", stream=True))
        assert found[-1]["type"] == "error"
        assert found[-1]["error"]["type"] == "api_error"


def test_anthropics_clients_have_a_header_of_their_own_for_the_key(sandbox: Sandbox) -> None:
    body = {"model": "a/b", **ASKED["/messages"]}
    url = f"{sandbox.base_url}/messages"
    assert httpx.post(url, json=body, headers={"x-api-key": sandbox.key}).status_code == 200
    assert httpx.post(url, json=body, headers={"x-api-key": "wrong"}).status_code == 401
    assert "x-api-key" not in sandbox.calls[0].headers


def test_embeddings_come_as_numbers_or_base64(client: httpx.Client) -> None:
    body = ask(client, "/embeddings", dimensions=4).json()
    assert body["id"].startswith("gen-emb-")
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] == 3
    assert "completion_tokens" not in body["usage"]
    coded = ask(client, "/embeddings", dimensions=4, encoding_format="base64").json()
    for plain, packed in zip(body["data"], coded["data"], strict=True):
        numbers = struct.unpack("<4f", base64.b64decode(packed["embedding"]))
        assert numbers == pytest.approx(plain["embedding"])
    assert ask(client, "/embeddings", input=[5, 6, 7]).json()["usage"]["prompt_tokens"] == 3


def test_rerank_orders_documents_and_counts_units(client: httpx.Client) -> None:
    body = ask(client, "/rerank").json()
    assert body["id"].startswith("gen-rerank-")
    assert [result["index"] for result in body["results"]] == [1, 0]
    assert body["usage"]["search_units"] == 1
    assert set(body["usage"]) == {"search_units", "total_tokens", "cost"}


def test_images_have_no_id_in_the_body(client: httpx.Client) -> None:
    answer = ask(client, "/images", n=2)
    body = answer.json()
    assert answer.headers["X-Generation-Id"] not in answer.text
    assert [base64.b64decode(one["b64_json"])[:4] for one in body["data"]] == [b"\x89PNG"] * 2
    assert body["usage"]["completion_tokens_details"]["image_tokens"] == 2 * 1290
    assert "server_tool_use" in body["usage"]


def test_speech_is_nothing_but_sound(client: httpx.Client, sandbox: Sandbox) -> None:
    answer = ask(client, "/audio/speech", response_format="mp3")
    assert answer.headers["content-type"] == "audio/mpeg"
    assert len(answer.content) == 11 * 4800
    assert sandbox.calls[0].cost is None


def test_transcriptions_take_json_and_forms(sandbox: Sandbox, client: httpx.Client) -> None:
    body = ask(client, "/audio/transcriptions").json()
    assert body["usage"]["seconds"] == 1.5
    assert body["usage"]["input_tokens"] == 15
    sandbox.reply(text="Good morning")
    sent = client.post(
        "/audio/transcriptions",
        data={"model": "a/b", "response_format": "verbose_json"},
        files={"file": ("a.wav", b"\0" * 64_000)},
    )
    assert (sent.json()["text"], sent.json()["duration"]) == ("Good morning", 2.0)
    assert sandbox.calls[-1].messages["bytes"] == 64_000
    assert sandbox.calls[-1].model == "a/b"


def test_a_video_is_a_job_whose_id_is_not_the_generations(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    taken = ask(client, "/videos").json()
    assert (taken["status"], set(taken)) == ("pending", {"id", "polling_url", "status"})
    looks = [client.get(f"/videos/{taken['id']}").json() for _ in range(2)]
    assert [look["status"] for look in looks] == ["in_progress", "completed"]
    assert looks[1]["generation_id"] == sandbox.calls[0].generation_id != taken["id"]
    assert set(looks[1]["usage"]) == {"cost", "is_byok"}
    assert client.get(looks[1]["unsigned_urls"][0].removeprefix("/api/v1")).content
    assert client.get("/videos/job-unknown").status_code == 404


@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired"])
def test_a_video_that_fails_is_not_charged(
    sandbox: Sandbox, client: httpx.Client, ending: str
) -> None:
    taken = ask(client, "/videos", f"sandbox/job-{ending},polls-0").json()
    look = client.get(f"/videos/{taken['id']}").json()
    assert (look["status"], "usage" in look, "generation_id" in look) == (ending, False, False)
    assert look["error"]
    assert sandbox.spent == 0


@pytest.mark.parametrize("path", ASKED)
def test_answers_can_lack_usage_and_hold_what_nobody_knows(client: httpx.Client, path: str) -> None:
    answer = ask(client, path, "sandbox/no-usage,unknown-fields")
    assert b'"cost"' not in answer.content
    if path not in {"/audio/speech", "/videos"}:
        assert answer.json()["zz_new"]
