"""A canary key, prompt, answer and account id: in no file, log line, error or repr of ours."""

import logging
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import hostile
import pytest
from callkit import CALLER, DRIVERS, call, failure, open_ledger
from rawserver import RawServer, read_request
from test_get_response_outcomes import DIRECTIVES, FAILING

from ledger import errors
from ledger.books.base import metadata
from ledger.calls.recorder import Exchange
from ledger.client import Ledger
from ledger.sandbox import Sandbox
from ledger.sandbox.failures import USER_ID

KEY = "sk-or-v1-" + "c4" * 32
PROMPT = "canary-of-the-prompt-7f3a"
ANSWER = "canary-of-the-answer-91be"
CANARIES = (KEY, "c4" * 8, PROMPT, ANSWER, USER_ID, "user_2canaryAccount00000")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def found_in(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def said_by(error: BaseException) -> str:
    """All that an error prints, whoever prints it, and what it was raised from."""
    parts: list[str] = traceback.format_exception(error)
    while True:
        notes = getattr(error, "__notes__", [])
        parts += [str(error), repr(error), repr(error.args), repr(notes)]
        parts.append(repr(getattr(error, "metadata", "")))
        below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if below is None:
            break
        error = below
    return "\n".join(parts)


@pytest.mark.parametrize("driver", DRIVERS)
def test_no_canary_leaves_any_call(
    tmp_path: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, driver: str
) -> None:
    sandbox.reset()
    sandbox.reply(text=ANSWER)
    home, said = tmp_path / "home", []
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "sqlalchemy", "asyncio", "ledger"):
        caplog.set_level(logging.DEBUG, name)
    with open_ledger(home, sandbox.base_url, api_key=KEY) as ledger:
        for directive in DIRECTIVES:
            try:
                call(ledger, driver, PROMPT, model=f"sandbox/{directive}", user=PROMPT)
            except errors.LedgerError as error:
                said.append(said_by(error))
        for asked in ({"stream": True}, {"top_p": float("nan")}, {"provider": "openai"}, {}):
            model = {"model": "m/x"} if asked else {}
            said.append(said_by(failure(ledger, driver, PROMPT, **model, **asked)))
        said.append(said_by(failure(ledger, driver, {PROMPT: PROMPT}, model="m/x")))
        said.append(said_by(failure(ledger, driver, [{PROMPT: {PROMPT}}], model="m/x")))
    assert len(said) == len(FAILING) + 6
    assert found_in("\n".join(said)) == []
    assert len(caplog.records) > len(FAILING)
    assert found_in(caplog.text) == []
    assert _of_files(tmp_path) == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_no_canary_leaves_the_whole_hostile_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, driver: str
) -> None:
    home, said = tmp_path / "home", []
    for name in ("", "httpx", "httpcore", "sqlalchemy", "sqlalchemy.engine", "asyncio", "ledger"):
        caplog.set_level(logging.DEBUG, name)
    with (
        hostile.server() as server,
        open_ledger(home, server.base_url, api_key=KEY) as ledger,
    ):
        for case in hostile.CASES:
            try:
                call(ledger, driver, PROMPT, model=case.model, timeout=case.timeout_s)
            except errors.LedgerError as error:
                said.append(said_by(error))
        ledger.settle()
        ledger.export(every_entry=True)
        said += [repr(row) for row in ledger.requests()]
        said += [repr(row) for by in ("day", "caller", "model") for row in ledger.report(by)]
        said.append(repr(ledger.status()))
        said.append(repr(ledger.doctor(offline=True)))
        said += [b"".join(ledger.csv(view)).decode() for view in ("request_status", "model_usage")]
    said.append(caplog.text)
    assert len(said) > len(hostile.CASES)
    assert len(caplog.records) > len(hostile.CASES)
    assert [text[:500] for text in said[:-1] if found_in(text)] == []
    assert [line for line in caplog.text.splitlines() if found_in(line)] == []
    assert _of_files(tmp_path) == []
    exported = [path for path in tmp_path.rglob("*.json") if path.parent.name.endswith("_json")]
    assert len(exported) >= 6


def _of_files(folder: Path) -> list[tuple[str, list[str]]]:
    """Files in which a canary stands, as bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert engines.server() or any(path.name == "ledger.db" for path in files)
    read = [(path.name, found_in(path.read_bytes().decode("latin-1"))) for path in files]
    told = [
        (table, found_in(repr(engines.read(folder / "home", f"SELECT * FROM {table}"))))
        for table in metadata.tables
    ]
    return [(name, found) for name, found in (*read, *told) if found]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("start", ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n{chunked}"])
def test_what_is_no_http_is_not_quoted(tmp_path: Path, start: str, driver: str) -> None:
    """The protocol's own errors quote the bytes that they cannot read."""
    chunked = "Transfer-Encoding: chunked\r\n\r\n"

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(f"{start.format(chunked=chunked)}{ANSWER}\r\n\r\n".encode())

    with (
        RawServer(serve) as server,
        open_ledger(tmp_path / "home", server.base_url, api_key=KEY) as ledger,
    ):
        error = failure(ledger, driver, PROMPT, model="m/x")
    assert type(error) is errors.ConnectionLost
    assert found_in(said_by(error)) == []
    assert _of_files(tmp_path) == []


@pytest.mark.one_engine
@pytest.mark.parametrize("driver", DRIVERS)
def test_the_log_before_its_checkpoint_has_none_either(
    tmp_path: Path, sandbox: Sandbox, driver: str
) -> None:
    sandbox.reset()
    sandbox.reply(text=ANSWER)
    with open_ledger(tmp_path / "home", sandbox.base_url, api_key=KEY) as ledger:
        call(ledger, driver, PROMPT, model="m/x")
        failure(ledger, driver, PROMPT, model="sandbox/error-403")
        assert (tmp_path / "home" / "ledger.db-wal").stat().st_size > 0
        assert _of_files(tmp_path) == []


@pytest.mark.parametrize(
    "message",
    [
        f"Invalid key {KEY} given",
        f"Authorization: Bearer {KEY}",
        f"{USER_ID} has no credits",
    ],
)
def test_a_message_that_repeats_a_secret_is_redacted(
    tmp_path: Path, sandbox: Sandbox, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.reset()
    sandbox.fail(402, message=message)
    caplog.set_level(logging.DEBUG)
    with open_ledger(tmp_path / "home", sandbox.base_url, api_key=KEY) as ledger:
        error = failure(ledger, "sync", PROMPT, model="m/x")
    assert found_in(said_by(error)) == []
    assert found_in(caplog.text) == []
    assert _of_files(tmp_path) == []


def test_the_reprs_of_what_carries_a_call_show_none(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.calls import flow
    from ledger.calls.admission import Desk

    sandbox.reset()
    sandbox.reply(text=ANSWER)
    seen: list[Any] = []
    real_admit, real_prepare = Desk.admit, flow.Calls._prepare

    def admit(self: Any, ask: Any) -> Any:
        admitted = yield from real_admit(self, ask)
        seen.extend((self, ask, admitted))
        return admitted

    def prepare(self: Any, ask: Any, admitted: Any) -> Any:
        exchange, request = real_prepare(self, ask, admitted)
        seen.extend((self, exchange, exchange.request, request, request.headers))
        return exchange, request

    monkeypatch.setattr(Desk, "admit", admit)
    monkeypatch.setattr(flow.Calls, "_prepare", prepare)
    with open_ledger(tmp_path / "home", sandbox.base_url, api_key=KEY) as ledger:
        call(ledger, "sync", PROMPT, model="m/x", user=PROMPT)
        assert isinstance(ledger, Ledger)
        (exchange,) = (each for each in seen if isinstance(each, Exchange))
        seen.extend((ledger, exchange.outcome, exchange.answer.__class__, ledger.settings))
        seen.append(exchange.answer)
    assert len(seen) > 10
    for each in seen:
        assert found_in(repr(each)) == [], type(each)


def test_a_key_that_is_read_is_logged_masked(
    tmp_path: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_ledger(tmp_path / "home", sandbox.base_url, api_key=KEY) as ledger:
        assert ledger.get_api_key() == KEY
        with pytest.raises(errors.ProviderUnsupported) as error:
            ledger.get_api_key("openai")
    assert "sk-or-v1-" in caplog.text
    assert found_in(caplog.text + str(error.value)) == []
    assert CALLER not in caplog.text
