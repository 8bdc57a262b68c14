"""Connections: kept and used again, renewed when stale, bounded, closed, one stack a loop."""

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from callkit import CALLER, DRIVERS, call, count, open_ledger
from rawserver import RawServer, answer, read_request

import ledger as public
from ledger import clock
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"
ROOT = Path(public.__file__).parent.parent


def serve(connection: socket.socket) -> None:
    """Answer request after request."""
    while True:
        read_request(connection)
        connection.sendall(answer())


def serve_one(connection: socket.socket) -> None:
    """Answer once as if the connection stayed, then close it."""
    read_request(connection)
    connection.sendall(answer())


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(serve) as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path, server: RawServer) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "home", server.base_url) as opened:
        yield opened


def until(done: "threading.Event | None", is_so: "object", patience_s: float = 5) -> bool:
    """Wait until something is so."""
    assert callable(is_so)
    ends = clock.monotonic() + patience_s
    while clock.monotonic() < ends:
        if is_so():
            return True
        clock.sleep(0.005)
    return bool(done and done.is_set())


async def ask(ledger: Ledger, times: int = 1) -> None:
    for _ in range(times):
        await ledger.aget_response("x", model=MODEL, caller=CALLER)


def test_calls_one_after_another_share_a_connection(ledger: Ledger, server: RawServer) -> None:
    for _ in range(10):
        call(ledger, "sync", model=MODEL)
    assert server.accepted == 1
    asyncio.run(ask(ledger, 10))
    assert server.accepted == 2


def test_a_failed_answer_keeps_its_connection(tmp_path: Path) -> None:
    from callkit import failure

    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url) as ledger:
        for status in (400, 429, 502):
            failure(ledger, "sync", model=f"sandbox/error-{status}")
        assert len(ledger._pool._idle) == 1


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_connection_that_the_server_closed_meanwhile_is_no_error(
    tmp_path: Path, driver: str
) -> None:
    home = tmp_path / "home"
    with RawServer(serve_one) as server, open_ledger(home, server.base_url) as ledger:

        async def some() -> None:
            for _ in range(5):
                await ask(ledger)
                await asyncio.to_thread(until, None, lambda: server.open == 0)

        if driver == "async":
            asyncio.run(some())
        else:
            for _ in range(5):
                call(ledger, "sync", model=MODEL)
                assert until(None, lambda: server.open == 0)
        assert server.accepted == 5
    assert count(home, "outcome where status = 'finished'") == 5


def test_connection_close_is_honoured(tmp_path: Path) -> None:
    def close_each(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(headers="Connection: close"))

    with RawServer(close_each) as server, open_ledger(tmp_path / "h", server.base_url) as ledger:
        for _ in range(3):
            call(ledger, "sync", model=MODEL)
        assert server.accepted == 3


def test_64_threads_in_flight_each_have_a_connection(tmp_path: Path) -> None:
    together = threading.Barrier(64)

    def serve_together(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            together.wait(20)
            connection.sendall(answer())

    with (
        RawServer(serve_together) as server,
        open_ledger(tmp_path / "home", server.base_url) as ledger,
        ThreadPoolExecutor(64) as pool,
    ):
        list(pool.map(lambda _: call(ledger, "sync", model=MODEL), range(192)))
        assert server.most_open == server.accepted == 64
    assert count(tmp_path / "home", "outcome where status = 'finished'") == 192


def test_no_more_than_100_connections_at_once(tmp_path: Path) -> None:
    def serve_slowly(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            clock.sleep(0.05)
            connection.sendall(answer())

    with (
        RawServer(serve_slowly) as server,
        open_ledger(tmp_path / "home", server.base_url) as ledger,
    ):
        with ThreadPoolExecutor(130) as pool:
            list(pool.map(lambda _: call(ledger, "sync", model=MODEL), range(260)))
        assert 60 <= server.most_open <= 100

        async def many() -> None:
            calls = [ledger.aget_response("x", model=MODEL, caller=CALLER) for _ in range(260)]
            await asyncio.gather(*calls)

        ledger._pool.close()
        assert until(None, lambda: server.open == 0)
        server.most_open = 0
        asyncio.run(many())
        assert 60 <= server.most_open <= 100


def test_who_waits_for_a_connection_waits_no_longer_than_its_time(tmp_path: Path) -> None:
    from ledger import errors
    from ledger.calls.pool import Pool
    from ledger.calls.transports import recording

    def never(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)  # until the client goes

    with RawServer(never) as server, open_ledger(tmp_path / "home", server.base_url) as ledger:
        ledger._sync = recording(Pool(max_connections=1), ledger.books.writer)

        def wait_long() -> None:
            with pytest.raises(errors.DeadlineExceeded):
                call(ledger, "sync", model=MODEL, timeout=2)

        first = threading.Thread(target=wait_long)
        first.start()
        assert until(None, lambda: server.accepted == 1)
        began = clock.monotonic()
        with pytest.raises(errors.DeadlineExceeded) as caught:
            call(ledger, "sync", model=MODEL, timeout=0.3)
        assert clock.monotonic() - began < 0.8
        assert "may have been charged" not in str(caught.value)
        first.join()
        assert server.accepted == 1
    assert count(tmp_path / "home", "outcome where cost_grade = 'not_charged'") == 1


def test_close_closes_what_is_idle(tmp_path: Path, server: RawServer) -> None:
    with open_ledger(tmp_path / "home", server.base_url) as ledger:
        call(ledger, "sync", model=MODEL)
        asyncio.run(ask(ledger))
        assert until(None, lambda: server.open == 1)  # the loop's own went with the loop
    assert until(None, lambda: server.open == 0)


def test_event_loops_one_after_another_and_beside_each_other(
    ledger: Ledger, server: RawServer
) -> None:
    for _ in range(3):
        asyncio.run(ask(ledger, 2))
    assert server.accepted == 3
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: asyncio.run(ask(ledger, 5)), range(8)))
    assert server.accepted == 11
    assert until(None, lambda: server.open == 0)


def test_another_base_url_gets_other_connections(
    tmp_path: Path, ledger: Ledger, server: RawServer
) -> None:
    import json

    call(ledger, "sync", model=MODEL)
    with RawServer(serve) as other:
        home = tmp_path / "second"
        with open_ledger(home, "") as second:
            second._open()
            path = home / "api_json" / "openrouter_config.json"
            for target in (server, other, server):
                document = json.loads(path.read_text())
                document["config"]["base_url"] = target.base_url
                path.write_text(json.dumps(document))
                call(second, "sync", model=MODEL)
                asyncio.run(ask(second))
        assert (server.accepted, other.accepted) == (5, 2)
        assert until(None, lambda: other.open == 0)


def test_nothing_is_left_open_for_the_collector(tmp_path: Path, server: RawServer) -> None:
    script = tmp_path / "x.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, gc
            from ledger import aget_response, get_response
            from ledger.client import reset_default

            async def main():
                await asyncio.gather(*(aget_response("x", model="m/x") for _ in range(5)))
                task = asyncio.create_task(aget_response("x", model="m/x"))
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

            get_response("x", model="m/x")
            for _ in range(3):
                asyncio.run(main())
                gc.collect()
            reset_default()
            gc.collect()
            """
        )
    )
    environment = os.environ | {
        "LEDGER_HOME": str(tmp_path / "home"),
        "LEDGER_BACKGROUND": "0",
        "OPENROUTER_API_KEY": "sk-or-v1-" + "ab" * 32,
        "OPENROUTER_BASE_URL": server.base_url,
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
