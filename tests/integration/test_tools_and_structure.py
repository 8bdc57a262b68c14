"""Tools, structured answers, media and the provider's own ids: what passes, and what is read."""

import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from callkit import DRIVERS, call, change_config, failure, only, open_ledger

from ledger import errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"
CANARY = "canary-answer-7731"


class Weather(pydantic.BaseModel):
    """What an answer is read into."""

    city: str
    degrees: int


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


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_answer_is_read_into_the_model_that_was_passed(
    ledger: Ledger, sandbox: Sandbox, driver: str
) -> None:
    sandbox.reply(text='{"city": "Łódź", "degrees": 21}')
    schema = {"name": "weather", "schema": Weather.model_json_schema()}
    asked = {"type": "json_schema", "json_schema": schema}
    reply = call(ledger, driver, model=MODEL, response_model=Weather, response_format=asked)
    assert reply.parsed == Weather(city="Łódź", degrees=21)
    (made,) = sandbox.calls
    assert made.params["response_format"] == asked
    assert "response_model" not in made.params
    assert call(ledger, driver, model=MODEL).parsed is None


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CANARY, "json_invalid"),
        (f'{{"city": "{CANARY}"}}', "missing at degrees"),
        (f'{{"city": 7, "degrees": "{CANARY}"}}', "string_type at city, int_parsing at degrees"),
        ("", "json_invalid"),
        ("[" * 10_000, "json_invalid"),
    ],
)
def test_an_answer_that_does_not_fit_is_booked_and_carried_but_never_shown(  # noqa: PLR0913, PLR0917 - fixtures and cases
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str, text: str, problem: str
) -> None:
    sandbox.reply(text=text, cost="0.002")
    error = failure(ledger, driver, model=MODEL, response_model=Weather)
    assert isinstance(error, errors.AnswerMismatched)
    assert f"is not a Weather: {problem}" in str(error)
    assert error.reply == text
    row = only(home, "select id, status, cost_usd from request_status")
    assert (row["id"], row["status"], row["cost_usd"]) == (error.request_id, "finished", "0.002")
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert CANARY not in shown


def test_a_key_that_the_answer_made_up_is_not_shown(ledger: Ledger, sandbox: Sandbox) -> None:
    class Strict(pydantic.BaseModel, extra="forbid"):
        city: str

    sandbox.reply(text=json.dumps({"city": "x", CANARY: 1}))
    error = failure(ledger, "sync", model=MODEL, response_model=Strict)
    assert isinstance(error, errors.AnswerMismatched)
    assert "extra_forbidden" in str(error)
    assert CANARY not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("bad", [dict, 7, "Weather", Weather(city="x", degrees=1), object])
def test_what_is_no_model_is_refused_before_anything_is_sent(
    ledger: Ledger, sandbox: Sandbox, bad: Any
) -> None:
    error = failure(ledger, "sync", model=MODEL, response_model=bad)
    assert isinstance(error, errors.RequestInvalid)
    assert sandbox.calls == []


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("driver", DRIVERS)
def test_tools_media_and_ids_pass_as_given(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,"},
        },
    ]
    params: dict[str, Any] = {
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "reasoning": {"effort": "low"},
        "session_id": "s-1",
        "user": "u-1",
        "trace": {"trace_id": "t"},
        "metadata": {"k": "v"},
    }
    messages = [{"role": "user", "content": parts}]
    sandbox.reply(directives="tool-call")
    reply = call(ledger, driver, messages, model=MODEL, **params)
    (made,) = sandbox.calls
    assert made.messages == messages
    assert params.items() <= made.params.items()
    (asked_for,) = reply.tool_calls
    assert asked_for["type"] == "function"
    assert reply.finish_reason == "tool_calls"
    for column in ("chain", "config_applied"):
        assert "u-1" not in str(only(home, f"select {column} from request")[column])


def test_our_id_is_the_user_only_where_it_is_wanted_and_free(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    ledger.get_response("Hello", MODEL, "flow_x")
    change_config(home / "api_json" / "openrouter_config.json", find_by_id=True)
    reply = ledger.get_response("Hello", MODEL, "flow_x")
    ledger.get_response("Hello", MODEL, "flow_x", user="mine")
    users = [made.params.get("user") for made in sandbox.calls]
    assert users == [None, reply.request_id, "mine"]
