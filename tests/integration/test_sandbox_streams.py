"""The sandbox's streams: events as recorded, and the ways in which they break."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ledger import clock
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def lines(sandbox: Sandbox, model: str) -> tuple[httpx.Response, list[str]]:
    body = {"model": model, "messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    answer = httpx.post(f"{sandbox.base_url}/chat/completions", json=body, headers=headers)
    return answer, [line for line in answer.text.split("\n\n") if line]


def chunks(events: list[str]) -> list[Any]:
    data = [event.removeprefix("data: ") for event in events if event.startswith("data: {")]
    return [json.loads(item) for item in data]


def test_a_stream_has_its_id_first_usage_last_and_done(sandbox: Sandbox) -> None:
    answer, events = lines(sandbox, "a/b")
    assert answer.headers["content-type"] == "text/event-stream"
    assert events[0] == ": OPENROUTER PROCESSING"
    assert events[-1] == "data: [DONE]"
    parts = chunks(events)
    assert {part["id"] for part in parts} == {answer.headers["X-Generation-Id"]}
    text = "".join(part["choices"][0]["delta"]["content"] for part in parts)
    assert text == "Echo: Hello there"
    assert [("usage" in part) for part in parts] == [False] * (len(parts) - 1) + [True]
    last_two = [part["choices"][0]["finish_reason"] for part in parts[-2:]]
    assert last_two == ["stop", "stop"]
    assert sandbox.calls[0].answered
    assert sandbox.calls[0].streamed


def test_the_usage_chunk_keeps_the_literal_and_may_have_no_choice(sandbox: Sandbox) -> None:
    _, events = lines(sandbox, "sandbox/cost-0.0004970133333333333,stream-usage-empty")
    assert '"choices":[],"usage":{' in events[-2]
    assert '"cost":0.0004970133333333333,' in events[-2]


def test_a_failure_before_the_stream_is_plain_json(sandbox: Sandbox) -> None:
    answer, _ = lines(sandbox, "sandbox/error-402")
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, 402)


def test_an_error_in_the_middle_is_an_event_with_a_text_code(sandbox: Sandbox) -> None:
    answer, events = lines(sandbox, "sandbox/stream-error")
    assert answer.status_code == 200
    last = chunks(events)[-1]
    assert last["error"]["code"] == "server_error"
    assert last["choices"][0]["finish_reason"] == "error"
    assert last["usage"]["cost"] > 0
    assert events[-1] == "data: [DONE]"


def test_tool_calls_reasoning_and_bare_errors_stream_too(sandbox: Sandbox) -> None:
    tool = chunks(lines(sandbox, "sandbox/tool-call")[1])
    assert any("tool_calls" in part["choices"][0]["delta"] for part in tool)
    thought = chunks(lines(sandbox, "sandbox/reasoning-only")[1])
    assert any(part["choices"][0]["delta"].get("reasoning") for part in thought)
    assert chunks(lines(sandbox, "sandbox/error-200")[1])[0]["error"]["code"] == 502
    assert chunks(lines(sandbox, "sandbox/no-choices")[1])[0]["choices"] == []


def test_a_stream_of_many_chunks_has_as_many(sandbox: Sandbox) -> None:
    parts = chunks(lines(sandbox, "sandbox/chunks-1000")[1])
    content = [part for part in parts if part["choices"][0]["delta"]["content"]]
    assert len(content) == 1000


def test_a_cut_stream_ends_without_usage_and_is_booked_as_cancelled(sandbox: Sandbox) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        lines(sandbox, "sandbox/cut")
    (call,) = sandbox.calls
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    params = {"id": call.generation_id or ""}
    found = httpx.get(f"{sandbox.base_url}/generation", params=params, headers=headers)
    assert found.json()["data"]["cancelled"] is True
    assert found.json()["data"]["streamed"] is True


def test_a_stream_that_its_reader_leaves_is_cancelled_and_charged(sandbox: Sandbox) -> None:
    body = {"model": "sandbox/drip-20,chunks-500", "messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    url = f"{sandbox.base_url}/chat/completions"
    with httpx.stream("POST", url, json=body, headers=headers) as answer:
        next(answer.iter_lines())
    (call,) = sandbox.calls
    until = clock.monotonic() + 5
    while sandbox.state.find(call.generation_id or "") is None:
        assert clock.monotonic() < until
        clock.sleep(0.01)
    assert not call.answered
    assert sandbox.spent > 0
