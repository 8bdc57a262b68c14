"""Every line about a call says whose it is, nothing of what it says, and is one line."""

import json
import logging
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from callkit import DRIVERS, KEY, call, change_config, failure, only, open_ledger
from rawserver import RawServer, answer, read_request

from ledger import errors, logs
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

PROMPT, ANSWER = "canary-prompt", "canary-answer"
MODEL = "maker/model"


def lines(caplog: pytest.LogCaptureFixture, beginning: str = "") -> list[str]:
    said = [each.getMessage() for each in caplog.records if each.name == "ledger"]
    return [line for line in said if line.startswith(beginning)]


def answering(whole: bytes) -> Callable[[socket.socket], None]:
    def handler(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(whole)

    return handler


def switch(home: Path, **values: bool) -> None:
    change_config(home / "api_json" / "openrouter_config.json", **values)


@pytest.mark.parametrize("driver", DRIVERS)
def test_lines_carry_caller_model_and_request_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, driver: str
) -> None:
    home = tmp_path / "home"
    caplog.set_level(logging.DEBUG)
    with Sandbox() as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        sandbox.reply(model=MODEL, text=ANSWER)
        call(ledger, driver, PROMPT, model=MODEL, caller="flow_one")
        switch(home, log_responses=True)
        call(ledger, driver, PROMPT, model=MODEL, caller="flow_two")
        failure(ledger, driver, PROMPT, model="sandbox/error-429", caller="flow_three")
        failure(ledger, driver, PROMPT, model="sandbox/hangup", caller="flow_four")
        failure(ledger, driver, PROMPT, caller="flow_five")
        ids = {row.caller: row.id for row in ledger.requests()}
    assert len(lines(caplog, "request ")) == 4
    responses = lines(caplog, "response ")
    assert [line.rpartition(", ")[2] for line in responses] == ["finished", "failed"]
    assert ids["flow_two"] in responses[0]
    failed = lines(caplog, "call failed")
    assert len(failed) == 2
    for line in (*lines(caplog, "request "), *responses, *failed):
        caller = re.search(r"caller (flow_\w+)", line)
        assert caller is not None, line
        assert ids[caller[1]] in line
        assert re.search(r"model (maker/model|sandbox/)", line), line
    (refused,) = lines(caplog, "call refused")
    assert "caller flow_five" in refused
    said = "\n".join(lines(caplog))
    assert not [canary for canary in (PROMPT, ANSWER, KEY, KEY[12:]) if canary in said]


@pytest.mark.parametrize(("requests", "responses"), [(True, True), (True, False), (False, True)])
def test_the_switches_are_obeyed_for_foreign_clients_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, requests: bool, responses: bool
) -> None:
    home = tmp_path / "home"
    caplog.set_level(logging.DEBUG, "ledger")
    with Sandbox() as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        sandbox.reply(model=MODEL, text=ANSWER)
        call(ledger, "sync", PROMPT, model=MODEL)
        caplog.clear()
        switch(home, log_requests=requests, log_responses=responses)
        call(ledger, "sync", PROMPT, model=MODEL)
        _foreign_call(ledger, sandbox)
        assert len(lines(caplog, "request ")) == 2 * requests
        assert len(lines(caplog, "response ")) == 2 * responses
        for row in list(ledger.requests())[1:]:
            mine = [line for line in lines(caplog) if row.id in line]
            assert len(mine) == requests + responses
            assert all(f"caller {row.caller}, model {MODEL}" in line for line in mine)
    assert PROMPT not in "\n".join(lines(caplog))


def _foreign_call(ledger: Ledger, sandbox: Sandbox) -> None:
    with ledger.http_client() as client:
        messages = [{"role": "user", "content": PROMPT}]
        client.post(
            f"{sandbox.base_url}/chat/completions",
            headers={"authorization": f"Bearer {KEY}"},
            json={"model": MODEL, "messages": messages},
        ).raise_for_status()


HOSTILE = "no such model\r\nERROR:root:forged\x1b[2J\u202e\u2028end"


def test_what_a_provider_writes_forges_no_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ledger")
    body = json.dumps({"error": {"code": 400, "message": HOSTILE}}).encode()
    with (
        RawServer(answering(answer(body, "400 Bad Request"))) as server,
        open_ledger(tmp_path / "home", server.base_url) as ledger,
    ):
        failure(ledger, "sync", PROMPT, model="a/b\n\x1b]8;;http://evil\x07c", caller="flow_x")
    (line,) = lines(caplog, "call failed")
    assert "forged" in line
    assert all(each.isprintable() for each in lines(caplog))


def test_numbers_and_formats_of_a_line_stay_what_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "ledger")
    logs.logger.info("%d of %5.1f: %s, %s", 3, 2.5, None, "a\nb")
    logs.logger.info("%(name)s", {"name": "by name"})
    logs.logger.info("no arguments: 100%")
    assert lines(caplog) == ["3 of   2.5: None, a\\nb", "by name", "no arguments: 100%"]


def test_a_refusal_that_cannot_be_booked_is_said_with_whose_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url) as ledger:
        call(ledger, "sync", PROMPT, model=MODEL)

        def full(*_work: object, **_more: object) -> None:
            raise errors.LedgerUnavailable("The disk is full.")

        monkeypatch.setattr(ledger.books.writer, "write", full)
        failure(ledger, "sync", PROMPT, model=MODEL, temperature=float("nan"))
    (line,) = [each for each in lines(caplog) if "could not be booked" in each]
    assert line.startswith(f"RequestInvalid: caller flow_probe, model {MODEL}: ")


def test_a_posted_row_that_cannot_be_booked_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from ledger.books.models import Outcome

    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url) as ledger:
        call(ledger, "sync", PROMPT, model=MODEL)
        booked = only(tmp_path / "home", "select id, ended_at, status, cost_grade from outcome")
        row = Outcome(**(booked | {"status": "failed", "cost_grade": "unknown"}))
        row.ended_at = ledger.books.process.first_seen_at
        ledger.books.writer.post(row)
        ledger.books.writer.write(lambda _: None)
    (line,) = [each for each in lines(caplog) if "could not be booked" in each]
    assert line.startswith(f"outcome {booked['id']} could not be booked: ")


def test_the_place_of_an_error_is_told_without_its_text() -> None:
    def fail() -> None:
        raise ValueError(PROMPT)

    with pytest.raises(ValueError, match=PROMPT) as caught:
        fail()
    assert re.fullmatch(r"test_log_lines\.py:\d+", logs.place_of(caught.value))
    assert logs.place_of(ValueError()) == "an unknown place"
