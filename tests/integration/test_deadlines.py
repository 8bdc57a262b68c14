"""A call ends in its total time and in its longest silence, whatever the server does meanwhile."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import pytest
from callkit import CALLER, DRIVERS, call, change_config, failure, only, open_ledger
from rawserver import BODY, RawServer, answer, read_request

from ledger import clock, errors
from ledger.calls import deadline
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"
TIMEOUT_S = 0.6
SLACK_S = 0.5


def drip(connection: socket.socket, data: bytes) -> None:
    """A byte every 50 ms: no read is ever silent for long."""
    for place in range(len(data)):
        connection.sendall(data[place : place + 1])
        clock.sleep(0.05)


def header_drip(connection: socket.socket) -> None:
    read_request(connection)
    drip(connection, answer())


def body_drip(connection: socket.socket) -> None:
    read_request(connection)
    head = f"HTTP/1.1 200 OK\r\nX-Generation-Id: gen-d\r\nContent-Length: {len(BODY)}\r\n\r\n"
    connection.sendall(head.encode())
    drip(connection, BODY)


def whitespace_drip(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1\r\n \r\n")
        clock.sleep(0.05)


def silent(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)  # until the client goes


def continue_drip(connection: socket.socket) -> None:
    read_request(connection)
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        clock.sleep(0.05)


HELD: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "header drip": (header_drip, "unknown"),
    "body drip": (body_drip, "pending"),
    "whitespace drip": (whitespace_drip, "unknown"),
    "silence": (silent, "unknown"),
    "interim answers": (continue_drip, "unknown"),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", HELD)
def test_a_server_that_holds_on_is_left_in_time(tmp_path: Path, name: str, driver: str) -> None:
    home = tmp_path / "home"
    handler, grade = HELD[name]
    with RawServer(handler) as server, open_ledger(home, server.base_url) as ledger:
        ledger._open()
        began = clock.monotonic()
        error = failure(ledger, driver, model=MODEL, timeout=TIMEOUT_S)
        took = clock.monotonic() - began
        ends = clock.monotonic() + 2
        while server.open and clock.monotonic() < ends:  # the server meets the closed connection
            clock.sleep(0.01)
        assert server.open == 0
    assert type(error) is errors.DeadlineExceeded
    assert TIMEOUT_S - 0.05 <= took <= TIMEOUT_S + SLACK_S
    row = only(home, "select status, cost_grade, error_type from outcome")
    assert row == {"status": "interrupted", "cost_grade": grade, "error_type": "DeadlineExceeded"}
    assert only(home, "select timeout_ms from request")["timeout_ms"] == TIMEOUT_S * 1000


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_full_backlog_holds_no_call_beyond_its_time(tmp_path: Path, driver: str) -> None:
    home = tmp_path / "home"
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as more,
    ):
        for _ in range(8):  # nobody accepts: the queue fills, then connecting hangs
            filler = more.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        clock.sleep(0.05)
        with open_ledger(home, f"http://127.0.0.1:{server.getsockname()[1]}/v1") as ledger:
            ledger._open()
            began = clock.monotonic()
            error = failure(ledger, driver, model=MODEL, timeout=TIMEOUT_S)
            took = clock.monotonic() - began
    assert type(error) is errors.DeadlineExceeded
    assert TIMEOUT_S - 0.05 <= took <= TIMEOUT_S + SLACK_S
    row = only(home, "select status, cost_grade from outcome")
    assert row == {"status": "failed", "cost_grade": "not_charged"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_server_that_never_ends_the_handshake_is_left_in_time(
    tmp_path: Path, driver: str
) -> None:
    def no_handshake(connection: socket.socket) -> None:
        connection.recv(10_000)
        drip(connection, b"\x16\x03\x03\x40\x00" + b"\x02" * 1000)

    home = tmp_path / "home"
    with RawServer(no_handshake) as server:
        url = server.base_url.replace("http:", "https:")
        with open_ledger(home, url) as ledger:
            ledger._open()
            began = clock.monotonic()
            error = failure(ledger, driver, model=MODEL, timeout=TIMEOUT_S)
            took = clock.monotonic() - began
    assert took <= TIMEOUT_S + SLACK_S
    assert type(error) is errors.DeadlineExceeded
    assert only(home, "select cost_grade from outcome")["cost_grade"] == "not_charged"


@pytest.mark.parametrize("driver", DRIVERS)
def test_silence_is_an_error_of_its_own(tmp_path: Path, driver: str) -> None:
    home = tmp_path / "home"
    with Sandbox() as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        ledger._open()
        path = home / "api_json" / "openrouter_config.json"
        change_config(path, timeout_seconds=1)
        began = clock.monotonic()
        error = failure(ledger, driver, model="sandbox/slow-3000")
        took = clock.monotonic() - began
    assert type(error) is errors.SilenceTimeout
    assert "timeout_seconds" in str(error)
    assert 0.95 <= took <= 1.5
    row = only(home, "select status, cost_grade from outcome")
    assert row == {"status": "interrupted", "cost_grade": "unknown"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_whitespace_that_keeps_a_connection_alive_is_no_silence(
    tmp_path: Path, driver: str
) -> None:
    def think(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            clock.sleep(0.4)
            connection.sendall(b"2\r\n\n \r\n")
        connection.sendall(f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n")

    home = tmp_path / "home"
    with RawServer(think) as server, open_ledger(home, server.base_url) as ledger:
        ledger._open()
        change_config(home / "api_json" / "openrouter_config.json", timeout_seconds=1)
        assert call(ledger, driver, model=MODEL) == "raw"


def test_the_drip_of_a_whole_answer_in_time_is_a_reply(tmp_path: Path) -> None:
    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url) as ledger:
        reply = ledger.get_response("x", model="sandbox/drip-1", caller=CALLER, timeout=20)
        assert reply == "Echo: x"


@pytest.mark.parametrize("driver", DRIVERS)
def test_our_network_is_really_under_httpcores_connections(
    tmp_path: Path, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If httpcore stopped taking a network backend, deadlines would silently be gone."""
    seen: list[str] = []
    for name, kind in (("sync", deadline.Backend), ("async", deadline.AsyncBackend)):

        def connect(
            self: Any, *args: Any, _name: str = name, _real: Any = kind.connect_tcp, **more: Any
        ) -> Any:
            seen.append(_name)
            return _real(self, *args, **more)

        monkeypatch.setattr(kind, "connect_tcp", connect)
    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url) as ledger:
        call(ledger, driver, model=MODEL)
    assert seen == [driver]


def test_a_kept_connection_gets_the_next_calls_deadline(tmp_path: Path) -> None:
    def second_is_silent(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer())
        read_request(connection)
        connection.recv(1)  # until the client goes

    async def both(ledger: Ledger) -> errors.LedgerError:
        await ledger.aget_response("x", model=MODEL, caller=CALLER, timeout=60)
        with pytest.raises(errors.DeadlineExceeded) as caught:
            await ledger.aget_response("x", model=MODEL, caller=CALLER, timeout=0.3)
        return caught.value

    with (
        RawServer(second_is_silent) as server,
        open_ledger(tmp_path / "home", server.base_url) as ledger,
    ):
        call(ledger, "sync", model=MODEL, timeout=60)
        began = clock.monotonic()
        failure(ledger, "sync", model=MODEL, timeout=0.3)
        asyncio.run(both(ledger))
        assert clock.monotonic() - began < 1.6
        assert server.accepted == 2


def test_freezing_the_wall_clock_stops_no_deadline(tmp_path: Path) -> None:
    import freezegun

    home = tmp_path / "home"
    with (
        RawServer(silent) as server,
        open_ledger(home, server.base_url) as ledger,
        freezegun.freeze_time("2026-02-28T23:59:59.999999Z"),
    ):
        error = failure(ledger, "sync", model=MODEL, timeout=0.3)
    assert type(error) is errors.DeadlineExceeded
    row = only(home, "select started_at, day from request")
    assert row == {"started_at": "2026-02-28T23:59:59.999999Z", "day": "2026-02-28"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_name_that_is_looked_up_for_ever_holds_no_call_beyond_its_time(
    tmp_path: Path, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    real = socket.getaddrinfo

    def stuck(host: Any, *args: Any, **more: Any) -> Any:
        if "slow-name" in str(host):
            never.wait(20)
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    home = tmp_path / "home"
    with open_ledger(home, "https://slow-name.invalid/api/v1") as ledger:
        ledger._open()
        began = clock.monotonic()
        if driver == "sync":
            error = failure(ledger, driver, model=MODEL, timeout=TIMEOUT_S)
        else:
            error = asyncio.run(_failing_and_freeing(ledger, never))
        took = clock.monotonic() - began
    never.set()
    assert type(error) is errors.DeadlineExceeded
    assert took <= TIMEOUT_S + SLACK_S
    row = only(home, "select status, cost_grade from outcome")
    assert row == {"status": "failed", "cost_grade": "not_charged"}


async def _failing_and_freeing(ledger: Ledger, never: threading.Event) -> errors.LedgerError:
    """The error of a call; asyncio itself waits for its look-ups when a loop ends."""
    with pytest.raises(errors.LedgerError) as caught:
        await ledger.aget_response("x", model=MODEL, caller=CALLER, timeout=TIMEOUT_S)
    never.set()
    return caught.value


def test_a_failed_look_up_is_told_apart_from_a_slow_one() -> None:
    with pytest.raises(httpcore.ConnectError):
        deadline.addresses("no-such-host.invalid", 443, 20)
    assert deadline.addresses("127.0.0.1", 443, 1) == ["127.0.0.1"]
    assert "127.0.0.1" in deadline.addresses("localhost", 443, 20)
