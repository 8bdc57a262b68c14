"""A call that may not be made: a typed error, one refusal row, nothing on the wire."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from callkit import CALLER, DRIVERS, call, change_config, count, failure, only, open_ledger

from ledger import errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"


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


class Case(NamedTuple):
    """What is asked, and which refusal it gets."""

    asked: dict[str, Any]
    kind: type[errors.CallRefused]
    words: str
    messages: Any = "Hello"


CASES = {
    "no model": Case({}, errors.CallerProvisioned, "Config created, please reload and try again"),
    "empty model": Case({"model": ""}, errors.CallerProvisioned, "Config created"),
    "model of a wrong type": Case({"model": 7}, errors.RequestInvalid, "model must be text"),
    "model of a wrong false type": Case({"model": 0}, errors.RequestInvalid, "model must be text"),
    "provider": Case(
        {"model": MODEL, "provider": "openai"}, errors.ProviderUnsupported, "'openai'"
    ),
    "stream": Case({"model": MODEL, "stream": True}, errors.RequestInvalid, "stream_response"),
    "no messages": Case({"model": MODEL}, errors.RequestInvalid, "messages is empty", []),
    "empty tuple": Case({"model": MODEL}, errors.RequestInvalid, "messages is empty", ()),
    "messages None": Case({"model": MODEL}, errors.RequestInvalid, "not NoneType", None),
    "messages a dict": Case(
        {"model": MODEL}, errors.RequestInvalid, "not dict", {"role": "user", "content": "x"}
    ),
    "messages bytes": Case({"model": MODEL}, errors.RequestInvalid, "not bytes", b"x"),
    "messages a generator": Case(
        {"model": MODEL}, errors.RequestInvalid, "not generator", (x for x in "ab")
    ),
    "a message is text": Case({"model": MODEL}, errors.RequestInvalid, "messages[0]", ["x"]),
    "a message is an object": Case(
        {"model": MODEL},
        errors.RequestInvalid,
        "JSON",
        [{"role": "user", "content": object()}],
    ),
    "NaN": Case({"model": MODEL, "top_p": float("nan")}, errors.RequestInvalid, "JSON"),
    "infinity": Case(
        {"model": MODEL, "logit_bias": {"1": float("inf")}}, errors.RequestInvalid, ""
    ),
    "bytes": Case({"model": MODEL, "user": b"x"}, errors.RequestInvalid, "JSON"),
    "too long a number": Case({"model": MODEL, "seed": 10**5000}, errors.RequestInvalid, "JSON"),
    "timeout zero": Case({"model": MODEL, "timeout": 0}, errors.RequestInvalid, "timeout"),
    "timeout negative": Case({"model": MODEL, "timeout": -1}, errors.RequestInvalid, "timeout"),
    "timeout NaN": Case(
        {"model": MODEL, "timeout": float("nan")}, errors.RequestInvalid, "timeout"
    ),
    "timeout infinite": Case(
        {"model": MODEL, "timeout": float("inf")}, errors.RequestInvalid, "timeout"
    ),
    "timeout text": Case({"model": MODEL, "timeout": "5"}, errors.RequestInvalid, "timeout"),
    "timeout a switch": Case({"model": MODEL, "timeout": True}, errors.RequestInvalid, "timeout"),
    "caller no name": Case({"model": MODEL, "caller": "../x"}, errors.CallerInvalid, ""),
    "caller a number": Case({"model": MODEL, "caller": 5}, errors.CallerInvalid, "text"),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", CASES)
def test_each_refusal_is_one_row_and_no_post(
    ledger: Ledger, home: Path, sandbox: Sandbox, name: str, driver: str
) -> None:
    case = CASES[name]
    error = failure(ledger, driver, case.messages, **case.asked)
    assert type(error) is case.kind
    assert case.words in str(error)
    row = only(home, "select * from refusal")
    assert (row["reason"], row["message"]) == (case.kind.__name__, error.message)
    assert row["source"] == "get_response"
    if case.kind is not errors.CallerInvalid:
        assert row["caller_name"] == error.caller == CALLER
    if case.asked.get("model") == MODEL:
        assert row["model_asked"] == MODEL
        if case.kind is errors.RequestInvalid:
            assert error.model == MODEL
    assert (count(home, "request"), count(home, "outcome")) == (0, 0)
    assert sandbox.calls == []


def test_deeply_nested_messages_are_refused(ledger: Ledger, sandbox: Sandbox) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    message: dict[str, Any] = {"role": "user", "content": deep}
    error = failure(ledger, "sync", [message], model=MODEL)
    assert type(error) is errors.RequestInvalid
    assert "too deep" in str(error)
    circular: dict[str, Any] = {"role": "user"}
    circular["content"] = [circular]
    assert type(failure(ledger, "sync", [circular], model=MODEL)) is errors.RequestInvalid
    assert sandbox.calls == []


def test_a_second_call_without_a_model_is_model_required(ledger: Ledger, home: Path) -> None:
    assert type(failure(ledger, "sync")) is errors.CallerProvisioned
    error = failure(ledger, "sync")
    assert type(error) is errors.ModelRequired
    assert f"Caller '{CALLER}' must specify a model from their config" in str(error)
    assert count(home, "refusal") == 2


def _caller_config(ledger: Ledger) -> Path:
    """The config file of the tests' caller, made by its first call."""
    failure(ledger, "sync")
    return ledger.caller_config(CALLER).path


def _switch_off_caller(ledger: Ledger, _home: Path) -> None:
    change_config(_caller_config(ledger), enabled=False)


def _switch_off_everyone(_ledger: Ledger, home: Path) -> None:
    change_config(home / "api_json" / "openrouter_config.json", enabled=False)


def _break_caller_config(ledger: Ledger, _home: Path) -> None:
    _caller_config(ledger).write_text('{"config": {"ai_model": 5}}')


def _break_home_config(_ledger: Ledger, home: Path) -> None:
    (home / "api_json" / "openrouter_config.json").write_text("{ nothing")


def _other_default_provider(_ledger: Ledger, home: Path) -> None:
    change_config(home / "api_json" / "openrouter_config.json", default_provider="openai")


CONFIGS: dict[str, tuple[Callable[[Ledger, Path], None], type[errors.CallRefused]]] = {
    "caller off": (_switch_off_caller, errors.CallerDisabled),
    "everyone off": (_switch_off_everyone, errors.CallerDisabled),
    "caller's config broken": (_break_caller_config, errors.ConfigInvalid),
    "home's config broken": (_break_home_config, errors.ConfigInvalid),
    "default provider": (_other_default_provider, errors.ProviderUnsupported),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", CONFIGS)
def test_what_a_config_refuses_is_one_row(
    ledger: Ledger, home: Path, sandbox: Sandbox, name: str, driver: str
) -> None:
    break_it, kind = CONFIGS[name]
    call(ledger, "sync", model=MODEL)
    break_it(ledger, home)
    before = count(home, "refusal")
    error = failure(ledger, driver, model=MODEL)
    assert type(error) is kind
    assert count(home, "refusal") == before + 1
    assert len(sandbox.calls) == 1


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_broken_home_config_is_a_refusal_also_in_a_new_process(
    home: Path, sandbox: Sandbox, driver: str
) -> None:
    folder = home / "api_json"
    folder.mkdir(parents=True)
    (folder / "openrouter_config.json").write_text('{"config": {"enabled": "perhaps"}}')
    with open_ledger(home, sandbox.base_url) as ledger:
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.ConfigInvalid
    assert "openrouter_config.json, line 1" in str(error)
    assert only(home, "select reason from refusal")["reason"] == "ConfigInvalid"
    assert sandbox.calls == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_without_a_key_nothing_is_sent(
    home: Path,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_ledger(home, sandbox.base_url, api_key=None) as ledger:
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.KeyMissing
    assert str(home / ".env") in str(error)
    assert only(home, "select reason from refusal")["reason"] == "KeyMissing"
    assert sandbox.calls == []


@pytest.mark.parametrize(
    "key", ["sk-or-v1-" + "ab" * 16 + "\nX: y", "sk-ant-" + "ab" * 32, "hello"]
)
def test_a_key_that_can_be_none_is_refused_and_not_shown(
    home: Path, sandbox: Sandbox, key: str
) -> None:
    with open_ledger(home, sandbox.base_url, api_key=key) as ledger:
        error = failure(ledger, "sync", model=MODEL)
    assert type(error) is errors.KeyInvalid
    assert key not in str(error) + repr(error.args)
    assert only(home, "select reason from refusal")["reason"] == "KeyInvalid"
    assert sandbox.calls == []


def test_a_base_url_in_the_clear_is_refused(home: Path) -> None:
    with open_ledger(home, "http://example.com/api/v1") as ledger:
        error = failure(ledger, "sync", model=MODEL)
    assert type(error) is errors.ConfigInvalid
    assert only(home, "select reason from refusal")["reason"] == "ConfigInvalid"


def test_a_refusal_is_logged_with_caller_and_without_content(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    failure(ledger, "sync", "the words of the prompt")
    assert "call refused" in caplog.text
    assert CALLER in caplog.text
    assert "words of the prompt" not in caplog.text
