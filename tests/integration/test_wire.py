"""What can come over a wire, through `get_response`: respx for faults, raw sockets below HTTP."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from callkit import CALLER, DRIVERS, call, failure, only, open_ledger
from rawserver import BODY, RawServer, answer, read_request

from ledger import errors
from ledger.client import Ledger

pytestmark = pytest.mark.one_engine  # about what no database could change

BASE = "https://openrouter.ai/api/v1"
URL = f"{BASE}/chat/completions"
MODEL = "openai/gpt-4o-mini"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with open_ledger(home, BASE) as opened:
        yield opened


# --- through respx -------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_users_own_respx_route_sees_our_call(ledger: Ledger, home: Path, driver: str) -> None:
    with respx.mock:
        route = respx.post(URL).mock(httpx.Response(200, content=BODY))
        assert call(ledger, driver, model=MODEL, user="u") == "raw"
    (seen,) = route.calls
    assert seen.request.headers["authorization"].startswith("Bearer sk-or-v1-")
    assert b'"user":"u"' in seen.request.content
    assert only(home, "select status, cost_usd from request_status") == {
        "status": "finished",
        "cost_usd": "0.5",
    }


RAISED = {
    "connect": (httpx.ConnectError("refused"), errors.NotSent, "failed", "not_charged"),
    "connect timeout": (
        httpx.ConnectTimeout("slow"),
        errors.ConnectTimedOut,
        "failed",
        "not_charged",
    ),
    "proxy": (httpx.ProxyError("407"), errors.ProxyFailed, "failed", "not_charged"),
    "pool": (httpx.PoolTimeout("full"), errors.NotSent, "failed", "not_charged"),
    "read timeout": (httpx.ReadTimeout("s"), errors.SilenceTimeout, "interrupted", "unknown"),
    "read": (httpx.ReadError("reset"), errors.ConnectionLost, "interrupted", "unknown"),
    "protocol": (
        httpx.RemoteProtocolError("gone"),
        errors.ConnectionLost,
        "interrupted",
        "unknown",
    ),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", RAISED)
def test_each_fault_of_a_transport_has_its_error_and_grade(
    ledger: Ledger, home: Path, name: str, driver: str
) -> None:
    raised, kind, status, grade = RAISED[name]
    with respx.mock:
        route = respx.post(URL).mock(side_effect=raised)
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is kind
    assert (error.http_status, route.call_count) == (None, 1)
    row = only(home, "select status, cost_grade, http_status, error_type from outcome")
    assert row == {
        "status": status,
        "cost_grade": grade,
        "http_status": None,
        "error_type": kind.__name__,
    }


@pytest.mark.parametrize("status", [201, 202, 204, 304, 407, 451, 600, 999])
def test_an_unheard_of_status_is_a_provider_error(ledger: Ledger, home: Path, status: int) -> None:
    with respx.mock:
        respx.post(URL).mock(httpx.Response(status))
        error = failure(ledger, "sync", model=MODEL)
    assert isinstance(error, errors.ProviderError)
    assert error.http_status == status
    row = only(home, "select http_status, cost_grade from outcome")
    assert row == {"http_status": status, "cost_grade": "unknown"}


def test_a_fault_before_anything_is_sent_is_not_charged(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.calls import route

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "no-such-file.pem"))
    route._shared_tls.cache_clear()
    for driver in DRIVERS:
        with open_ledger(tmp_path / driver / "home", BASE) as ledger:
            error = failure(ledger, driver, model=MODEL)
        assert type(error) is errors.NotSent
        row = only(tmp_path / driver / "home", "select status, cost_grade from outcome")
        assert row == {"status": "failed", "cost_grade": "not_charged"}
    route._shared_tls.cache_clear()


# --- below HTTP ----------------------------------------------------------------------------


def garbage(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"\x00\xff hello, this is no HTTP\r\n\r\n")


def reset_at_once(connection: socket.socket) -> None:
    connection.recv(1)  # a reset that overtakes the connect is no connection at all
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def half_a_head(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Len")


def bad_chunks(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nX-Generation-Id: gen-c\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    )


def endless_header(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1_000_000)


FAULTS: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "garbage": (garbage, "unknown"),
    "reset": (reset_at_once, "unknown"),
    "half a head": (half_a_head, "unknown"),
    "bad chunks": (bad_chunks, "pending"),
    "endless header": (endless_header, "unknown"),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_connection_is_one_interrupted_row(home: Path, name: str, driver: str) -> None:
    handler, grade = FAULTS[name]
    with RawServer(handler) as server, open_ledger(home, server.base_url) as ledger:
        error = failure(ledger, driver, model=MODEL)
        assert server.accepted == 1
    assert type(error) is errors.ConnectionLost
    row = only(home, "select status, cost_grade, generation_id from outcome")
    assert (row["status"], row["cost_grade"]) == ("interrupted", grade)
    assert error.generation_id == row["generation_id"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_nobody_listening_is_not_sent_and_not_charged(home: Path, driver: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with open_ledger(home, f"http://127.0.0.1:{port}/api/v1") as ledger:
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.ConnectionRefused
    assert "Nothing was sent or charged" in str(error)
    row = only(home, "select status, cost_grade from outcome")
    assert row == {"status": "failed", "cost_grade": "not_charged"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_unknown_host_is_not_sent(home: Path, driver: str) -> None:
    with open_ledger(home, "https://no-such-host.invalid/api/v1") as ledger:
        error = failure(ledger, driver, model=MODEL, timeout=20)
    assert type(error) is errors.NameNotResolved
    assert only(home, "select cost_grade from outcome")["cost_grade"] == "not_charged"


def test_request_head_and_body_are_whole_on_the_wire(home: Path) -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(answer())

    text: Any = "x" * 3_000_000
    for driver in DRIVERS:
        with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
            call(ledger, driver, text, model=MODEL)
    assert [data.count(b"x" * 3_000_000) for data in seen] == [1, 1]


def test_an_answer_before_the_request_ended_is_read(home: Path) -> None:
    def refuse_early(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer(b'{"error":{"message":"too large","code":413}}', "413 Too Large"))
        read_request(connection)

    with RawServer(refuse_early) as server, open_ledger(home, server.base_url) as ledger:
        error = failure(ledger, "sync", "x" * 100_000, model=MODEL)
    assert type(error) is errors.RequestTooLarge
    assert error.http_status == 413


def test_a_reply_in_a_second_loop_after_a_failure_in_the_first(home: Path) -> None:
    with RawServer(garbage) as server, open_ledger(home, server.base_url) as ledger:
        for _ in range(2):
            with pytest.raises(errors.ConnectionLost):
                asyncio.run(ledger.aget_response("x", model=MODEL, caller=CALLER))
