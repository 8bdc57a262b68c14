"""Scripting the sandbox, from Python and over HTTP, and its assertions."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.sandbox import BadScript, Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    server.home = None
    return server


def ask(sandbox: Sandbox, model: str = "a/b") -> httpx.Response:
    return httpx.post(
        f"{sandbox.base_url}/chat/completions",
        json={"model": model, "messages": HELLO},
        headers={"Authorization": f"Bearer {sandbox.key}"},
    )


def text(answer: httpx.Response) -> Any:
    return answer.json()["choices"][0]["message"]["content"]


def test_a_reply_is_what_was_scripted(sandbox: Sandbox) -> None:
    sandbox.reply(model="a/b", text="Yes.", tokens=(120, 30), cost="0.0012", served_model="c/d")
    body = ask(sandbox).json()
    assert body["choices"][0]["message"]["content"] == "Yes."
    assert body["model"] == "c/d"
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (120, 30)
    assert body["usage"]["total_tokens"] == 150
    assert sandbox.spent == Decimal("0.0012")
    assert text(ask(sandbox, "other/model")) == "Echo: Hello there"


def test_counted_scripts_go_first_in_order_then_the_newest_standing_one(sandbox: Sandbox) -> None:
    sandbox.reply(text="old")
    sandbox.reply(text="new")
    sandbox.reply(text="one", times=1)
    sandbox.reply(text="two", times=2)
    sandbox.fail(402)
    answers = [ask(sandbox) for _ in range(5)]
    assert [text(answer) for answer in answers[:3]] == ["one", "two", "two"]
    assert answers[3].status_code == 402
    assert text(answers[4]) == text(ask(sandbox)) == "new"


def test_a_script_for_a_model_beats_a_newer_one_for_any(sandbox: Sandbox) -> None:
    sandbox.reply(model="a/b", text="mine")
    sandbox.reply(text="anyone's")
    assert (text(ask(sandbox)), text(ask(sandbox, "x/y"))) == ("mine", "anyone's")


def test_a_reply_can_be_slow_byok_and_directed(sandbox: Sandbox) -> None:
    sandbox.reply(cost=0, upstream_cost="0.002", latency_ms=100, directives="tool-call")
    answer = ask(sandbox)
    assert answer.elapsed.total_seconds() >= 0.1
    assert answer.json()["usage"]["is_byok"] is True
    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"
    assert sandbox.calls[0].upstream == Decimal("0.002")


def test_a_failure_has_its_message_and_its_model(sandbox: Sandbox) -> None:
    sandbox.fail("403-key-limit", model="a/b", message="Key limit exceeded", times=None)
    assert ask(sandbox, "x/y").status_code == 200
    for _ in range(2):
        answer = ask(sandbox)
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            403,
            "Key limit exceeded",
        )


def test_a_script_that_cannot_be_is_the_callers_error(sandbox: Sandbox) -> None:
    with pytest.raises(BadScript):
        sandbox.fail(200)
    with pytest.raises(BadScript):
        sandbox.fail(500, endpoint="nowhere")
    with pytest.raises(BadScript):
        sandbox.reply(times=0)
    with pytest.raises(BadScript):
        sandbox.reply(directives="nonsense")
    with pytest.raises(BadScript):
        sandbox.configure(nonsense=1)
    wrong: Any = 0.1
    with pytest.raises(TypeError, match="float"):
        sandbox.reply(cost=wrong)


def test_reset_forgets_calls_scripts_and_settings(sandbox: Sandbox) -> None:
    sandbox.settings.generation_delay_s = 9
    sandbox.fail(500, times=None)
    ask(sandbox)
    sandbox.reset()
    assert sandbox.calls == []
    assert sandbox.spent == 0
    assert sandbox.settings.generation_delay_s == 0
    assert ask(sandbox).status_code == 200


def test_threads_lose_no_call_and_no_counted_script(sandbox: Sandbox) -> None:
    sandbox.reply(cost="0.1", times=50)
    sandbox.reply(cost="0.01")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(sandbox), range(80)))
    assert sandbox.spent == Decimal("5.3")
    assert len({call.generation_id for call in sandbox.calls}) == 80


def test_expect_passes_where_the_block_does_as_said(sandbox: Sandbox) -> None:
    ask(sandbox)
    sandbox.reply(cost="0.004")
    with sandbox.expect(calls=2, max_cost="0.008"):
        ask(sandbox)
        ask(sandbox)


def test_expect_names_what_differs_and_lists_the_calls(sandbox: Sandbox) -> None:
    sandbox.reply(cost="0.004")
    message = ""
    try:
        with sandbox.expect(calls=1, max_cost="0.007"):
            ask(sandbox)
            ask(sandbox, "x/y")
    except AssertionError as error:
        message = str(error)
    assert "expected 1 calls, there were 2" in message
    assert "expected at most 0.007 USD, it was 0.008" in message
    assert "a/b: 200, 0.004 USD, gen-" in message
    assert "Hello" not in message


def test_expect_counts_the_providers_own_bill_and_lets_errors_through(sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError, match="it was"), sandbox.expect(max_cost="0.0001"):
        ask(sandbox, "sandbox/byok")
    with pytest.raises(KeyError), sandbox.expect(calls=5):
        raise KeyError


def book(home: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(home / "ledger.db")) as books:
        books.execute(statement)
        books.commit()


def test_expect_reads_the_callers_from_the_ledgers_books(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.home = tmp_path
    book(tmp_path, "create table request_status (caller text)")
    book(tmp_path, "insert into request_status values ('before')")
    one = "insert into request_status values ('flow')"
    with sandbox.expect(callers=["flow"]):
        book(tmp_path, one)
        book(tmp_path, one)
    with sandbox.expect(callers={"flow": 1}):
        book(tmp_path, one)
    with pytest.raises(AssertionError, match="expected callers"), sandbox.expect(callers=["x"]):
        book(tmp_path, one)


def test_another_process_scripts_and_reads_over_http(sandbox: Sandbox) -> None:
    program = f"""
import json, urllib.request
def tell(method, action, arguments=None):
    request = urllib.request.Request("{sandbox.control_url}/" + action, method=method,
        data=None if arguments is None else json.dumps(arguments).encode())
    return json.load(urllib.request.urlopen(request))
def ask():
    body = {{"model": "a/b", "messages": [{{"role": "user", "content": "Hi"}}]}}
    request = urllib.request.Request("{sandbox.base_url}/chat/completions", method="POST",
        headers={{"Authorization": "Bearer {sandbox.key}"}}, data=json.dumps(body).encode())
    return urllib.request.urlopen(request)
tell("POST", "reply", {{"text": "scripted", "cost": "1e-7", "tokens": [3, 4]}})
tell("POST", "settings", {{"generation_delay_s": 2.5}})
tell("POST", "fail", {{"status": 402}})
try:
    ask()
except urllib.request.HTTPError as error:
    print(error.code); error.close()
print(ask().read().decode())
seen = tell("GET", "calls")
print(len(seen["calls"]), seen["spent"], seen["calls"][1]["messages"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    status, body, summary = ran.stdout.splitlines()
    assert status == "402"
    assert '"content":"scripted"' in body
    assert '"cost":1e-7,' in body
    assert summary == "2 1e-7 [{'role': 'user', 'content': 'Hi'}]"
    assert sandbox.settings.generation_delay_s == 2.5
    assert httpx.post(f"{sandbox.control_url}/reset").status_code == 200
    assert sandbox.calls == []


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("fail", b'{"status": 200}', 400),
        ("fail", b"[]", 400),
        ("reply", b"{", 400),
        ("reply", b'{"nonsense": 1}', 400),
        ("nowhere", b"", 404),
    ],
)
def test_a_wrong_instruction_over_http_says_so(
    sandbox: Sandbox, action: str, body: bytes, status: int
) -> None:
    answer = httpx.post(f"{sandbox.control_url}/{action}", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
