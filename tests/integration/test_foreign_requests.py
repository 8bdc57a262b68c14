"""Requests of other libraries through the recording transport, in both families of clients."""

import asyncio
import gc
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from callkit import KEY, call, count, failure, only, open_ledger, rows
from foreignkit import FAMILIES, async_client, client, exchange_for, outcomes_refused
from rawserver import BODY, RawServer, answer, read_request

from ledger import errors
from ledger.books.models import Refusal
from ledger.books.unit import Transaction, Work
from ledger.calls import decoding
from ledger.calls.recorder import Exchange
from ledger.client import Ledger
from ledger.sandbox import Sandbox

PATH = "/chat/completions"
MODEL = "openai/gpt-4o-mini"
ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "Hello there"}]}
HEADERS = {"authorization": f"Bearer {KEY}"}
CLIENTS = [f"{name}-{kind}" for name in FAMILIES for kind in ("sync", "async")]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def post(ledger: Ledger, kind: str, path: str = PATH, hook: Any = None, **more: Any) -> Any:
    """One POST by a client of that family and kind; its response, read."""
    name, _, mode = kind.partition("-")
    asked: dict[str, Any] = {"json": ASKED, "headers": HEADERS} | more
    if mode == "sync":
        with client(ledger, name, hook) as made:
            return made.post(path, **asked)

    async def main() -> Any:
        async with async_client(ledger, name, hook) as made:
            return await made.post(path, **asked)

    return asyncio.run(main())


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_foreign_request_is_recorded_as_our_own_are(
    ledger: Ledger, home: Path, kind: str
) -> None:
    response = post(ledger, kind)
    assert response.status_code == 200
    assert type(response).__module__.startswith(kind.partition("-")[0])
    call(ledger, "sync", model=MODEL)
    foreign, own = rows(
        home, "select status, cost_grade, cost_pico, prompt_tokens, model from outcome order by id"
    )
    assert foreign == own
    assert foreign["cost_grade"] == "reported"


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_is_no_call_passes_unrecorded(ledger: Ledger, home: Path, kind: str) -> None:
    assert post(ledger, kind, "/elsewhere").status_code in (404, 405)
    assert count(home, "request") == 0


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_client_gets_the_servers_bytes(home: Path, kind: str) -> None:
    odd = b"  \r\n" + BODY.replace(b'"model"', b'"new" : 1e-400, "model"') + b"\n\n"

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(odd, headers="X-Odd: yes\nX-Generation-Id: gen-h"))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        response = post(ledger, kind)
    assert response.content == odd
    assert response.headers["x-odd"] == "yes"
    assert only(home, "select status from outcome")["status"] == "finished"


def refusing(kind: type[errors.LedgerError]) -> Any:
    def hook(request: Any) -> Generator[Work, Any, Exchange | None]:
        yield from ()
        raise kind("Not today.", hint="Ask tomorrow.")

    return hook


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    ("error", "status"), [(errors.CallerDisabled, 402), (errors.LedgerBusy, 424)]
)
def test_a_call_that_is_not_made_is_an_answer_that_nobody_sends_again(
    ledger: Ledger, home: Path, kind: str, error: type[errors.LedgerError], status: int
) -> None:
    response = post(ledger, kind, hook=refusing(error))
    assert response.status_code == status
    assert response.headers["x-should-retry"] == "false"
    said = response.json()["error"]
    assert said["type"] == error.__name__
    assert said["message"] == "Not today. Ask tomorrow."
    assert count(home, "request") == 0


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_refusal_while_the_request_is_booked_has_its_row(
    ledger: Ledger, home: Path, kind: str
) -> None:
    """As a budget decides: in the transaction that books the request."""
    inner = exchange_for(ledger)

    def hook(request: Any) -> Generator[Work, Any, Exchange | None]:
        exchange = yield from inner(request)
        row = exchange.request

        def no_money(transaction: Transaction) -> errors.CallRefused:
            refused = errors.CallerDisabled("Over budget.")
            transaction.add(
                Refusal(
                    process_id=row.process_id,
                    source=row.source,
                    at=row.started_at,
                    day=row.day,
                    reason=type(refused).__name__,
                    message=refused.message,
                )
            )
            return refused

        exchange.work = (no_money,)
        return exchange  # type: ignore[no-any-return]

    assert post(ledger, kind, hook=hook).status_code == 402
    assert count(home, "request") == 0
    assert only(home, "select reason, message from refusal") == {
        "reason": "CallerDisabled",
        "message": "Over budget.",
    }


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_hook_that_breaks_sends_nothing(
    ledger: Ledger, home: Path, kind: str, sandbox: Sandbox
) -> None:
    def hook(request: Any) -> Generator[Work, Any, Exchange | None]:
        yield from ()
        raise ZeroDivisionError

    before = len(sandbox.calls)
    assert post(ledger, kind, hook=hook).status_code == 424
    assert len(sandbox.calls) == before
    assert count(home, "request") == 0


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_exception_of_the_family_passes_and_is_recorded(home: Path, kind: str) -> None:
    def hang_up(connection: socket.socket) -> None:
        read_request(connection)

    with RawServer(hang_up) as server, open_ledger(home, server.base_url) as ledger:
        with pytest.raises(Exception, match="disconnected") as caught:
            post(ledger, kind)
        with RawServer(hang_up) as gone:
            url = gone.base_url
        with pytest.raises(Exception, match=r".") as refused:
            post(ledger, kind, url + PATH)
    name = kind.partition("-")[0]
    for error, expected in ((caught, "RemoteProtocolError"), (refused, "ConnectError")):
        assert (type(error.value).__module__, type(error.value).__name__) == (name, expected)
    found = rows(home, "select status, cost_grade, error_type from outcome order by id")
    assert [tuple(row.values()) for row in found] == [
        ("interrupted", "unknown", "ConnectionLost"),
        ("failed", "not_charged", "ConnectionRefused"),
    ]


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    ("body", "headers", "flag"),
    [
        (BODY[:-1] + b" " * 2000 + b"}", "X-Generation-Id: gen-h", "body:large"),
        (BODY, "X-Generation-Id: gen-h\nContent-Encoding: br", "body:encoded"),
    ],
)
def test_an_answer_that_cannot_be_read_is_passed_on_whole(  # noqa: PLR0913, PLR0917 - its cases
    home: Path, kind: str, body: bytes, headers: str, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MAX_BODY", 1000)

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(body, headers=headers))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        assert post(ledger, kind).content == body
    assert only(home, "select status, cost_grade, generation_id, flags from outcome") == {
        "status": "finished",
        "cost_grade": "pending",
        "generation_id": "gen-h",
        "flags": flag,
    }


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_outcome_that_cannot_be_booked_is_owed_and_said_by_the_next_call(
    ledger: Ledger, home: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    call(ledger, "sync", model=MODEL)
    with outcomes_refused(home):
        assert post(ledger, kind).status_code == 200
        assert "could not be booked" in caplog.text
        assert type(failure(ledger, "sync", model=MODEL)) is errors.LedgerUnavailable
        assert post(ledger, kind).status_code == 424
        assert (count(home, "request"), count(home, "outcome")) == (2, 1)
    assert call(ledger, "sync", model=MODEL)
    assert (count(home, "request"), count(home, "outcome")) == (3, 3)


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_is_owed_is_booked_at_the_end_where_no_call_comes(
    ledger: Ledger, home: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    call(ledger, "sync", model=MODEL)
    with outcomes_refused(home):
        post(ledger, kind)
        ledger.close()
        assert "could not be booked" in caplog.text
    assert (count(home, "request"), count(home, "outcome")) == (2, 1)
    ledger.close()
    assert (count(home, "request"), count(home, "outcome")) == (2, 2)


@pytest.mark.one_engine
@pytest.mark.parametrize("kind", CLIENTS)
def test_books_that_cannot_be_written_send_nothing(
    ledger: Ledger, home: Path, kind: str, sandbox: Sandbox
) -> None:
    call(ledger, "sync", model=MODEL)
    ledger.close()
    (home / "ledger.db").rename(home / "away.db")
    (home / "ledger.db").mkdir()
    before = len(sandbox.calls)
    response = post(ledger, kind)
    assert response.status_code == 424
    assert response.headers["x-should-retry"] == "false"
    assert len(sandbox.calls) == before


def test_httpx2_is_loaded_only_where_it_is_asked_for() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from ledger.calls import flow, transports; transports._kinds('httpx');"
        " print('httpx2' in sys.modules); transports._kinds('httpx2');"
        " print('httpx2' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


def test_a_family_that_is_none_is_a_typed_error(ledger: Ledger) -> None:
    from ledger.calls.families import family

    with pytest.raises(errors.RequestInvalid, match="requests"):
        family("requests")


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("size", [0, 10, 5_000_000])
def test_an_error_is_passed_on_whole_however_long_it_is(home: Path, kind: str, size: int) -> None:
    body = b'{"error": {"code": 503, "message": "Busy."}}' + b" " * size

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(body, "503 Busy"))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        response = post(ledger, kind)
    assert (response.status_code, response.content) == (503, body)
    assert only(home, "select status, http_status, error_code from outcome") == {
        "status": "failed",
        "http_status": 503,
        "error_code": "503",
    }


@pytest.mark.parametrize("kind", CLIENTS)
def test_an_error_that_breaks_off_breaks_off_for_the_client(home: Path, kind: str) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b"x" * 100, "500 Oh")[:-50])

    with (
        RawServer(serve) as server,
        open_ledger(home, server.base_url) as ledger,
        pytest.raises(Exception, match="peer closed"),
    ):
        post(ledger, kind)
    assert only(home, "select status, http_status from outcome") == {
        "status": "failed",
        "http_status": 500,
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_that_is_dropped_is_a_row_all_the_same(home: Path, name: str) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(BODY, headers="X-Generation-Id: gen-h"))

    with (
        RawServer(serve) as server,
        open_ledger(home, server.base_url) as ledger,
        client(ledger, name) as made,
    ):
        request = made.build_request("POST", PATH, json=ASKED)
        made.send(request, stream=True)  # neither read nor closed
        gc.collect()
    assert only(home, "select status, cost_grade from outcome") == {
        "status": "cancelled",
        "cost_grade": "pending",
    }
