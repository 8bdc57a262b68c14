"""The sandbox as a server: its life, many at once, a frozen clock, a missing extra, its speed."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import freezegun
import httpx
import pytest

from ledger import clock
from ledger.errors import LedgerError
from ledger.sandbox import ExtraMissing, Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

ROOT = Path(__file__).parents[2]
HELLO = [{"role": "user", "content": "Hello there"}]


def ask(sandbox: Sandbox, model: str = "a/b") -> httpx.Response:
    return httpx.post(
        f"{sandbox.base_url}/chat/completions",
        json={"model": model, "messages": HELLO},
        headers={"Authorization": f"Bearer {sandbox.key}"},
    )


def test_many_sandboxes_serve_beside_each_other_and_keep_their_books_apart() -> None:
    with Sandbox() as first, Sandbox() as second, Sandbox() as third:
        assert len({first.base_url, second.base_url, third.base_url}) == 3
        ask(first)
        ask(third)
        ask(third)
        assert [len(one.calls) for one in (first, second, third)] == [1, 0, 2]


def test_async_clients_are_served_at_once() -> None:
    async def ask_many(sandbox: Sandbox) -> list[int]:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        body = {"model": "sandbox/slow-200", "messages": HELLO}
        async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
            asked = [client.post("/chat/completions", json=body) for _ in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    with Sandbox() as sandbox:
        began = clock.monotonic()
        assert asyncio.run(ask_many(sandbox)) == [200] * 20
        assert clock.monotonic() - began < 2


def test_stopping_is_quick_with_idle_busy_and_unread_connections() -> None:
    with Sandbox() as sandbox, httpx.Client(base_url=sandbox.base_url) as client:
        client.get("/models")
        port = int(sandbox.base_url.rpartition(":")[2].partition("/")[0])
        busy = threading.Thread(target=_ask_until_closed, args=(sandbox,))
        busy.start()
        with socket.create_connection(("127.0.0.1", port)):
            while not sandbox.calls:
                clock.sleep(0.005)
            began = clock.monotonic()
            sandbox.stop()
            assert clock.monotonic() - began < 1
        busy.join(5)
        assert not busy.is_alive()
        assert len(sandbox.calls) == 1
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port))


def _ask_until_closed(sandbox: Sandbox) -> None:
    with pytest.raises(httpx.HTTPError):
        ask(sandbox, "sandbox/slow-60000")


def test_a_sandbox_starts_again_and_stopping_twice_does_nothing() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="isn't running"):
        _ = sandbox.base_url
    with sandbox:
        assert ask(sandbox).status_code == 200
        with pytest.raises(RuntimeError, match="is running"):
            sandbox.start()
    sandbox.stop()
    with sandbox:
        assert ask(sandbox).status_code == 200


def test_a_taken_port_is_an_error_at_once() -> None:
    with Sandbox() as sandbox:
        port = int(sandbox.base_url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()


def test_a_frozen_clock_dates_the_answers_and_stops_nothing() -> None:
    with freezegun.freeze_time("2024-02-29 23:59:59.999"), Sandbox() as sandbox:
        answer = ask(sandbox, "sandbox/slow-50,delay-50")
        assert answer.json()["created"] == 1709251199
        generation_id = answer.json()["id"]
        clock.sleep(0.1)
        found = httpx.get(
            f"{sandbox.base_url}/generation",
            params={"id": generation_id},
            headers={"Authorization": f"Bearer {sandbox.key}"},
        )
        assert found.json()["data"]["created_at"] == "2024-02-29T23:59:59.999Z"


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ledger.sandbox.protocol", raising=False)
    monkeypatch.delattr("ledger.sandbox.protocol", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'openrouter-ledger\[sandbox\]'") as caught:
        Sandbox().start()
    assert isinstance(caught.value, LedgerError)
    assert isinstance(caught.value, ImportError)


def test_in_the_foreground_it_serves_until_it_is_interrupted() -> None:
    program = (
        "from ledger.sandbox import run\n"
        "run(on_ready=lambda sandbox: print(sandbox.base_url, flush=True))\n"
        "print('over')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        assert httpx.get(f"{base_url}/models").status_code == 200
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        assert (rest.strip(), process.returncode) == ("over", 0)
    finally:
        process.kill()
        process.wait()


def test_it_answers_more_than_1500_calls_a_second() -> None:
    body = b'{"model":"a/b","messages":[{"role":"user","content":"Hello there"}]}'
    with Sandbox() as sandbox:
        head = (
            "POST /api/v1/chat/completions HTTP/1.1\r\nHost: sandbox\r\n"
            f"Authorization: Bearer {sandbox.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        port = int(sandbox.base_url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            best = max(_calls_a_second(connection, head.encode() + body) for _ in range(3))
        assert len(sandbox.calls) == 1500
    assert best > 1500


def _calls_a_second(connection: socket.socket, request: bytes) -> float:
    began = clock.monotonic()
    for _ in range(500):
        connection.sendall(request)
        received = b""
        while not received.endswith(b"}}}"):
            received += connection.recv(65536)
    return 500 / (clock.monotonic() - began)
