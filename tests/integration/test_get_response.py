"""`get_response` as a module uses it: two lines, its config, its parameters, what is booked."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import CALLER, DRIVERS, call, change_config, failure, only, open_ledger, rows

import ledger as public
from ledger import errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"
ROOT = Path(public.__file__).parent.parent


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def run_module(file: Path, home: Path, sandbox: Sandbox) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "LEDGER_HOME": str(home),
        "LEDGER_BACKGROUND": "0",
        "OPENROUTER_API_KEY": sandbox.key,
        "OPENROUTER_BASE_URL": sandbox.base_url,
        "PYTHONPATH": str(ROOT),
        **engines.environment(home),
    }
    return subprocess.run(
        [sys.executable, "-W", "error", str(file)],
        env=environment,
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_two_line_module_is_provisioned_first_and_answered_second(
    home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "eco" / "flow"
    folder.mkdir(parents=True)
    module = folder / "x.py"
    module.write_text('import ledger\nprint(ledger.get_response("Hello"))\n')
    first = run_module(module, home, sandbox)
    assert first.returncode == 1
    assert "CallerProvisioned: Config created, please reload and try again" in first.stderr
    made = sorted(path.name for path in (folder / "flow_json").iterdir())
    assert made == [f"openrouter_skill_{kind}.json" for kind in ("config", "data", "log")]
    assert sandbox.calls == []

    sandbox.reply(cost="0.0004970133333333333")
    module.write_text(
        "import ledger\n"
        'print(ledger.get_response("Hello", model=ledger.caller_config().ai_model))\n'
    )
    second = run_module(module, home, sandbox)
    assert (second.stdout, second.returncode) == ("Echo: Hello\n", 0), second.stderr
    row = only(home, "select * from request_status")
    assert (row["caller"], row["chain"], row["status"]) == ("x", "x", "finished")
    assert row["model_asked"] == "deepseek/deepseek-chat-v3.1:free"
    assert (row["cost_usd"], row["cost_grade"]) == ("0.000497013333", "reported")
    assert "0.0004970133333333333" in only(home, "select usage_text from outcome")["usage_text"]
    assert [row["reason"] for row in rows(home, "select reason from refusal")] == [
        "CallerProvisioned"
    ]
    assert len(sandbox.calls) == 1


def test_async_code_of_a_module_is_told_apart_too(
    home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "eco" / "skills_web"
    folder.mkdir(parents=True)
    module = folder / "fetcher.py"
    module.write_text(
        textwrap.dedent(
            """
            import asyncio
            from ledger import aget_response

            async def main():
                calls = [aget_response(f"n{n}", model="m/x") for n in range(3)]
                print(*await asyncio.gather(*calls), sep="|")
                task = asyncio.create_task(aget_response("task", model="m/x"))
                print(await task)

            asyncio.run(main())
            """
        )
    )
    done = run_module(module, home, sandbox)
    assert done.stdout == "Echo: n0|Echo: n1|Echo: n2\nEcho: task\n", done.stderr
    assert done.stderr == ""
    assert [row["caller"] for row in rows(home, "select caller from request_status")] == [
        "fetcher"
    ] * 4


PASSED: dict[str, Any] = {
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
        }
    ],
    "tool_choice": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "ü\u2028\U0001f600"}},
    "reasoning": {"effort": "high", "summary": None},
    "provider": {"order": ["a"], "allow_fallbacks": False, "max_price": {"prompt": "0.5"}},
    "models": ["a/b", "c/d"],
    "user": "u-1",
    "session_id": "s-1",
    "metadata": {"k": "v"},
    "trace": {"trace_id": "t"},
    "temperature": 0.1,
    "top_p": None,
    "seed": 2**63,
    "stop": [],
    "stream": False,
    "logit_bias": {"50256": -100},
    "plugins": [{"id": "web", "nested": {"deep": [[1, 2.5e-7], {"x": ""}]}}],
    "zz_unknown_today": {"": [True, False, None]},
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_parameter_reaches_the_server_unchanged(
    ledger: Ledger, sandbox: Sandbox, driver: str
) -> None:
    before = json.dumps(PASSED)
    messages = [{"role": "user", "content": [{"type": "text", "text": "n\u00e4h\x00\ud83d"}]}]
    call(ledger, driver, messages, model=MODEL, **PASSED)
    (seen,) = sandbox.calls
    assert seen.params == PASSED
    assert (seen.model, seen.messages) == (MODEL, messages)
    assert json.dumps(PASSED) == before


def test_a_provider_by_name_is_ours_and_not_sent(ledger: Ledger, sandbox: Sandbox) -> None:
    call(ledger, "sync", model=MODEL, provider="openrouter")
    assert sandbox.calls[0].params == {}


@pytest.mark.parametrize(
    "messages",
    [
        "Hello",
        [{"role": "user", "content": "Hello"}],
        ({"role": "user", "content": "Hello"},),
    ],
)
def test_messages_may_be_text_a_list_or_a_tuple(
    ledger: Ledger, sandbox: Sandbox, messages: Any
) -> None:
    assert call(ledger, "sync", messages, model=MODEL) == "Echo: Hello"
    assert sandbox.calls[0].messages == [{"role": "user", "content": "Hello"}]


def _configured(ledger: Ledger, **values: Any) -> Path:
    """The caller's config, with these values in it."""
    assert type(failure(ledger, "sync")) is errors.CallerProvisioned
    path = ledger.caller_config(CALLER).path
    change_config(path, **values)
    return path


def test_a_config_adds_its_limits_to_its_own_model_only(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    _configured(ledger, ai_model="own/model")
    call(ledger, "sync", model="own/model")
    call(ledger, "sync", model="other/model")
    call(ledger, "sync", model="own/model", temperature=None, max_completion_tokens=9)
    call(ledger, "sync", model="own/model", max_tokens=7)
    assert [seen.params for seen in sandbox.calls] == [
        {"temperature": 0.5, "max_tokens": 1500},
        {},
        {"temperature": None, "max_completion_tokens": 9},
        {"max_tokens": 7, "temperature": 0.5},
    ]
    applied = [row["config_applied"] for row in rows(home, "select * from request order by id")]
    assert [text and json.loads(text) for text in applied] == [
        {"temperature": 0.5, "max_tokens": 1500},
        None,
        None,
        {"temperature": 0.5},
    ]


def test_a_reply_cut_at_a_configs_limit_is_said_with_file_and_key(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    path = _configured(ledger, ai_model="sandbox/reasoning-only")
    caplog.clear()
    call(ledger, "sync", model="sandbox/reasoning-only")
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "ai_max_tokens" in warning.getMessage()
    assert str(path) in warning.getMessage()
    caplog.clear()
    call(ledger, "sync", model="sandbox/reasoning-only", max_tokens=5)
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_the_deleted_config_of_a_caller_is_provisioned_again(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    _configured(ledger).unlink()
    assert type(failure(ledger, "sync")) is errors.CallerProvisioned
    assert call(ledger, "sync", model=ledger.caller_config(CALLER).ai_model)
    assert len(sandbox.calls) == 1
    kinds = [row["kind"] for row in rows(home, "select kind from provisioning_event order by id")]
    assert kinds == ["created", "created"]


def test_the_request_carries_our_name_and_what_a_client_sends(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    call(ledger, "sync", model=MODEL)
    asyncio.run(ledger.aget_response("x", model=MODEL, caller=CALLER))
    for seen in sandbox.calls:
        assert seen.headers["user-agent"].startswith("openrouter-ledger/")
        assert seen.headers["content-type"] == "application/json"
        assert seen.headers["accept"] == "*/*"
        assert "gzip" in seen.headers["accept-encoding"]
        assert int(seen.headers["content-length"]) > 0


def test_log_lines_of_requests_follow_the_homes_config(
    ledger: Ledger, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ledger")
    call(ledger, "sync", model=MODEL)
    caplog.clear()
    call(ledger, "sync", model=MODEL)
    assert [line.getMessage().split()[0] for line in caplog.records] == ["request"]
    caplog.clear()
    change_config(
        home / "api_json" / "openrouter_config.json", log_requests=False, log_responses=True
    )
    call(ledger, "sync", model=MODEL)
    assert [line.getMessage().split()[0] for line in caplog.records] == ["response"]


async def test_an_async_call_without_a_home_fails_where_it_is_awaited(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file is in the way")
    ledger = Ledger(home=tmp_path / "home", api_key="sk-or-v1-" + "ab" * 32, background=False)
    asked = ledger.aget_response("Hello", "openai/gpt-4o", "x")
    with pytest.raises(errors.LedgerUnavailable, match=str(tmp_path)):
        await asked
