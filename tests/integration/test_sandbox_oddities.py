"""The sandbox's odd streams: each thing that the provider's streams were seen to do."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ledger import clock
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

HELLO = [{"role": "user", "content": "Hello \u00fc there"}]
STREAMED: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": HELLO},
    "/responses": {"input": HELLO},
    "/messages": {"messages": HELLO, "max_tokens": 10},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=10) as made:
        yield made


def ask(client: httpx.Client, directives: str, path: str = "/chat/completions") -> bytes:
    body = {"model": f"sandbox/{directives}", "stream": True, **STREAMED[path]}
    return client.post(path, json=body).content


def chunks(content: bytes) -> list[Any]:
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    data = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: {")]
    return [json.loads(item) for item in data]


def text(content: bytes) -> str:
    return "".join(
        part["choices"][0]["delta"].get("content") or ""
        for part in chunks(content)
        if part.get("choices")
    )


@pytest.mark.parametrize(
    "directive",
    [
        "tag-1",
        "bare-comments",
        "blank-lines",
        "crlf",
        "split-1",
        "no-done",
        "debug-chunk",
        "keepalive",
        "stream-usage-empty",
        "stream-usage-bare",
        "stream-usage-null",
        "crlf,bare-comments,debug-chunk,split-3,stream-usage-bare",
    ],
)
def test_an_odd_stream_carries_the_same_text_and_usage(
    client: httpx.Client, directive: str
) -> None:
    content = ask(client, directive)
    assert text(content) == "Echo: Hello \u00fc there"
    assert [part["usage"]["cost"] > 0 for part in chunks(content) if "usage" in part] == [True]
    assert (b"[DONE]" in content) == (directive != "no-done")


@pytest.mark.parametrize(
    ("directive", "seen"),
    [
        ("bare-comments", b"\n\n: \n\ndata: "),
        ("blank-lines", b"\n\n\n\n\ndata: "),
        ("crlf", b"\r\n\r\ndata: "),
        ("debug-chunk", b'"choices":[],"debug":{'),
        ("tag-1", "Hello \u00fc".encode()[-2:]),
    ],
)
def test_its_bytes_are_as_seen(client: httpx.Client, directive: str, seen: bytes) -> None:
    content = ask(client, directive)
    assert seen in content
    assert (b"\n" in content.replace(b"\r\n", b"")) == (directive != "crlf")


def test_the_usage_chunk_has_every_form(client: httpx.Client) -> None:
    forms = {name: chunks(ask(client, f"stream-usage-{name}"))[-1] for name in ("null", "empty")}
    assert forms["null"]["choices"][0]["finish_reason"] is None
    assert forms["empty"]["choices"] == []
    assert "choices" not in chunks(ask(client, "stream-usage-bare"))[-1]
    repeated = chunks(ask(client, "tag-1"))[-2:]
    assert [part["choices"][0]["finish_reason"] for part in repeated] == ["stop", "stop"]


def test_errors_have_codes_of_both_kinds_and_may_come_after_the_finish(
    client: httpx.Client,
) -> None:
    assert chunks(ask(client, "stream-error"))[-1]["error"]["code"] == "server_error"
    numbered = chunks(ask(client, "stream-error-int,no-usage"))[-1]
    assert (numbered["error"]["code"], "usage" in numbered) == (502, False)
    late = ask(client, "stream-error-late")
    before, last = chunks(late)[-2:]
    assert before["choices"][0]["finish_reason"] == "length"
    assert (last["error"]["code"], last["choices"][0]["finish_reason"]) == (400, None)
    assert last["usage"]["cost"] > 0
    assert late.endswith(b"data: [DONE]\n\n")


def test_a_request_can_ask_for_the_debug_chunk(client: httpx.Client) -> None:
    body = {"model": "a/b", "stream": True, "debug": {"echo_upstream_body": True}}
    answer = client.post("/chat/completions", json={**body, "messages": HELLO})
    assert chunks(answer.content)[0]["choices"] == []


@pytest.mark.parametrize("path", STREAMED)
def test_a_stream_can_end_early_as_if_it_were_whole(
    sandbox: Sandbox, client: httpx.Client, path: str
) -> None:
    content = ask(client, "ends-early", path)
    assert content
    assert b'"cost"' not in content
    assert b"[DONE]" not in content
    assert sandbox.calls[-1].charged > 0


def test_a_line_can_be_very_long(client: httpx.Client) -> None:
    content = ask(client, "long-line-1000000")
    assert max(map(len, content.split(b"\n"))) > 1_000_000


@pytest.mark.parametrize("path", STREAMED)
def test_a_stream_without_end_ends_with_its_reader(
    sandbox: Sandbox, client: httpx.Client, path: str
) -> None:
    body = {"model": "sandbox/endless,drip-1", "stream": True, **STREAMED[path]}
    seen = 0
    with client.stream("POST", path, json=body) as answer:
        for line in answer.iter_lines():
            seen += line.startswith("data:")
            if seen == 50:
                break
    (call,) = sandbox.calls[-1:]
    until = clock.monotonic() + 5
    while sandbox.state.find(call.generation_id or "") is None:
        assert clock.monotonic() < until
        clock.sleep(0.01)
    assert not call.answered
    assert call.charged > 0


def test_half_of_a_pair_is_escaped_and_all_else_is_utf_8(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    sandbox.reply(text="\ud83d \U0001f600", times=1)
    content = ask(client, "tag-1")
    assert b"\\ud83d" in content
    assert "\U0001f600".encode() in content
