"""A call that is cancelled: one honest row, its connection closed, and the next call works."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import engines
import pytest
from callkit import CALLER, only, open_ledger, rows
from rawserver import BODY, RawServer, answer, read_request

import ledger as public
from ledger import clock
from ledger.client import Ledger

MODEL = "openai/gpt-4o-mini"
ROOT = Path(public.__file__).parent.parent


class Paused:
    """A server that stops at a point, but only for the first request."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.requests = 0
        self.reached = False

    def __call__(self, connection: socket.socket) -> None:
        while True:
            read_request(connection)
            self.requests += 1
            if self.requests > 1:
                connection.sendall(answer())
                continue
            if self.point == "body":
                head = answer(headers="X-Generation-Id: gen-p").partition(b"\r\n\r\n")[0]
                connection.sendall(head + b"\r\n\r\n" + BODY[:20])
                clock.sleep(0.05)
            self.reached = True
            connection.recv(1)  # until the client goes
            return


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(params=["head", "body"])
def paused(request: pytest.FixtureRequest) -> Paused:
    return Paused(request.param)


@pytest.fixture
def server(paused: Paused) -> Iterator[RawServer]:
    with RawServer(paused) as running:
        yield running


@pytest.fixture
def ledger(home: Path, server: RawServer) -> Iterator[Ledger]:
    with open_ledger(home, server.base_url) as opened:
        yield opened


async def _reached(paused: Paused) -> None:
    while not paused.reached:  # noqa: ASYNC110 - another thread sets it
        await asyncio.sleep(0.005)


async def _closed(server: RawServer) -> None:
    while server.open:  # noqa: ASYNC110 - another thread sets it
        await asyncio.sleep(0.005)


async def _ask(ledger: Ledger) -> str:
    return await ledger.aget_response("x", model=MODEL, caller=CALLER)


def _expect_one_cancelled_row(home: Path, paused: Paused) -> None:
    found = rows(home, "select * from outcome order by id")
    assert [row["status"] for row in found] == ["cancelled", "finished"]
    has_id = paused.point == "body"
    assert found[0]["cost_grade"] == ("pending" if has_id else "unknown")
    assert found[0]["generation_id"] == ("gen-p" if has_id else None)
    assert paused.requests == 2


def test_a_task_cancelled_in_flight(
    ledger: Ledger, home: Path, paused: Paused, server: RawServer
) -> None:
    async def main() -> None:
        task = asyncio.create_task(_ask(ledger))
        await _reached(paused)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(_closed(server), 5)
        assert await _ask(ledger) == "raw"

    asyncio.run(main())
    ledger.close()
    _expect_one_cancelled_row(home, paused)


def test_asyncio_timeout_around_a_call(
    ledger: Ledger, home: Path, paused: Paused, server: RawServer
) -> None:
    async def main() -> None:
        async def end(limit: asyncio.Timeout) -> None:
            await _reached(paused)
            limit.reschedule(asyncio.get_running_loop().time())

        async def ask() -> None:
            async with asyncio.timeout(None) as limit:
                await asyncio.gather(end(limit), _ask(ledger))

        with pytest.raises(TimeoutError):
            await ask()
        await asyncio.wait_for(_closed(server), 5)
        assert await _ask(ledger) == "raw"

    asyncio.run(main())
    ledger.close()
    _expect_one_cancelled_row(home, paused)


def test_a_loop_that_ends_under_a_call(
    ledger: Ledger, home: Path, paused: Paused, server: RawServer
) -> None:
    async def main() -> None:
        task = asyncio.create_task(_ask(ledger))
        await _reached(paused)
        assert not task.done()

    asyncio.run(main())
    assert asyncio.run(_ask(ledger)) == "raw"
    ledger.close()
    _expect_one_cancelled_row(home, paused)


def test_one_of_a_task_group_fails_and_cancels_the_others(
    ledger: Ledger, home: Path, paused: Paused, server: RawServer
) -> None:
    async def fail() -> None:
        await _reached(paused)
        raise RuntimeError

    async def main() -> None:
        with pytest.raises(BaseExceptionGroup):  # noqa: PT012 - the group is what raises
            async with asyncio.TaskGroup() as group:
                group.create_task(_ask(ledger))
                group.create_task(fail())
        assert await _ask(ledger) == "raw"

    asyncio.run(main())
    ledger.close()
    _expect_one_cancelled_row(home, paused)


def test_a_task_cancelled_while_its_row_is_written(home: Path) -> None:
    """At every point of the way to the first byte: at most one row, with its outcome."""

    def serve(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(answer())

    async def main(ledger: Ledger) -> None:
        await _ask(ledger)
        for steps in range(12):
            task = asyncio.create_task(_ask(ledger))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await _ask(ledger) == "raw"

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        asyncio.run(main(ledger))
    found = rows(
        home, "select s.status, o.cost_grade from request_status s left join outcome o using (id)"
    )
    assert all(row["status"] in ("finished", "cancelled") for row in found)
    cancelled = [row["cost_grade"] for row in found if row["status"] == "cancelled"]
    assert "not_charged" in cancelled, "none was cancelled while its row was being written"


def test_a_task_cancelled_while_the_books_are_held(home: Path) -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(answer())

    async def main(ledger: Ledger) -> None:
        await _ask(ledger)
        with engines.held(home):
            task = asyncio.create_task(_ask(ledger))
            await asyncio.sleep(0.2)
            task.cancel()
            began = clock.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert clock.monotonic() - began < 0.3

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        asyncio.run(main(ledger))
    found = rows(home, "select status, cost_grade from request_status order by id")
    assert [tuple(row.values()) for row in found] == [
        ("finished", "reported"),
        ("cancelled", "not_charged"),
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals to a process of its own")
def test_an_interrupt_from_the_keyboard(
    home: Path, paused: Paused, server: RawServer, tmp_path: Path
) -> None:
    script = tmp_path / "x.py"
    script.write_text(
        textwrap.dedent(
            """
            from ledger import get_response
            try:
                get_response("x", model="m/x")
            except KeyboardInterrupt as error:
                print("interrupted", flush=True)
            print(get_response("x", model="m/x"))
            """
        )
    )
    environment = os.environ | {
        "LEDGER_HOME": str(home),
        "LEDGER_BACKGROUND": "0",
        "OPENROUTER_API_KEY": "sk-or-v1-" + "ab" * 32,
        "OPENROUTER_BASE_URL": server.base_url,
        "PYTHONPATH": str(ROOT),
        **engines.environment(home),
    }
    child = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True
    )
    until = clock.monotonic() + 20
    while not paused.reached and clock.monotonic() < until:
        clock.sleep(0.01)
    clock.sleep(0.05)
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=20)
    assert said == "interrupted\nraw\n"
    _expect_one_cancelled_row(home, paused)
    assert only(home, "select count(*) as n from request")["n"] == 2
