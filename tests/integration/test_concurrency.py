"""Many processes, threads and tasks on one file: every row, exact sums, nobody turned away."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import engines
import pytest
from callkit import CALLER, count, only, open_ledger, rows

import ledger as public
from ledger import clock, money
from ledger.books.writer import Writer
from ledger.sandbox import Sandbox

ROOT = Path(public.__file__).parent.parent
LONGEST_WAIT_S = 5.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


def expect_whole_books(home: Path, sandbox: Sandbox, calls: int) -> None:
    """As many rows as calls, the sum to the last digit, and each POST beside its row."""
    assert only(
        home,
        "select count(*) as n, count(distinct generation_id) as ids, min(status) as least,"
        " max(status) as most, sum(cost_pico) as pico from request_status",
    ) == {
        "n": calls,
        "ids": calls,
        "least": "finished",
        "most": "finished",
        "pico": money.to_pico(sandbox.spent),
    }
    booked = {row["generation_id"] for row in rows(home, "select generation_id from outcome")}
    assert booked == {seen.generation_id for seen in sandbox.calls}
    engines.assert_sound(home)


CHILD = textwrap.dedent(
    """
    import sys, time
    import ledger
    from ledger.books.writer import Writer
    longest, real = 0.0, Writer.write
    def timed(*args, **more):
        global longest
        began = time.monotonic()
        try:
            return real(*args, **more)
        finally:
            longest = max(longest, time.monotonic() - began)
    Writer.write = timed
    ledger.get_response("warm up", model="m/warm", caller="flow_" + sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    longest = 0.0
    for number in range(int(sys.argv[2])):
        ledger.get_response(f"call {number}", model="m/x", caller="flow_" + sys.argv[1])
    print(longest)
    """
)


def run_processes(home: Path, sandbox: Sandbox, tmp_path: Path, processes: int, calls: int) -> None:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    environment = os.environ | {
        "LEDGER_HOME": str(home),
        "LEDGER_BACKGROUND": "0",
        "LEDGER_CALLERS_ROOT": str(tmp_path / "callers"),
        "OPENROUTER_API_KEY": sandbox.key,
        "OPENROUTER_BASE_URL": sandbox.base_url,
        "PYTHONPATH": str(ROOT),
        **engines.environment(home),
    }
    children = [
        subprocess.Popen(
            [sys.executable, str(script), str(number), str(calls)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "ready\n", child.communicate()[1]
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.communicate(timeout=300) for child in children]
    assert [stderr for _, stderr in said] == [""] * processes
    longest = max(float(stdout) for stdout, _ in said)
    print(f"{processes} processes x {calls} calls: longest wait {longest * 1000:.0f} ms")
    assert longest < LONGEST_WAIT_S
    expect_whole_books(home, sandbox, processes * (calls + 1))
    assert count(home, "process") == processes
    assert count(home, "caller") == processes


def test_8_processes_of_many_calls(
    home: Path, sandbox: Sandbox, tmp_path: Path, engine: str
) -> None:
    calls = 200 if engine == engines.SQLITE else 50
    run_processes(home, sandbox, tmp_path, processes=8, calls=calls)


class Waits:
    """The longest time that a write took."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        self._real = Writer.write
        self._areal = Writer.awrite
        self._lock = threading.Lock()
        waits = self

        def write(writer: Writer, *work: object, **more: object) -> object:
            began = clock.monotonic()
            try:
                return waits._real(writer, *work, **more)  # type: ignore[arg-type]
            finally:
                waits.note(began)

        async def awrite(writer: Writer, *work: object, **more: object) -> object:
            began = clock.monotonic()
            try:
                return await waits._areal(writer, *work, **more)  # type: ignore[arg-type]
            finally:
                waits.note(began)

        monkeypatch.setattr(Writer, "write", write)
        monkeypatch.setattr(Writer, "awrite", awrite)

    def note(self, began: float) -> None:
        """One write has ended."""
        with self._lock:
            self.longest = max(self.longest, clock.monotonic() - began)


def test_64_threads_of_50_calls(
    home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    with open_ledger(home, sandbox.base_url) as ledger:

        def some(thread: int) -> None:
            for number in range(50):
                reply = ledger.get_response(f"{thread} {number}", model="m/x", caller=CALLER)
                assert reply == f"Echo: {thread} {number}"

        with ThreadPoolExecutor(64) as pool:
            list(pool.map(some, range(64)))
    print(f"64 threads x 50 calls: longest wait {waits.longest * 1000:.0f} ms")
    assert waits.longest < LONGEST_WAIT_S
    expect_whole_books(home, sandbox, 64 * 50)


def test_64_tasks_of_50_calls(
    home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    with open_ledger(home, sandbox.base_url) as ledger:

        async def some(task: int) -> None:
            for number in range(50):
                reply = await ledger.aget_response(f"{task} {number}", model="m/x", caller=CALLER)
                assert reply == f"Echo: {task} {number}"

        async def main() -> None:
            await asyncio.gather(*(some(task) for task in range(64)))

        asyncio.run(main())
    print(f"64 tasks x 50 calls: longest wait {waits.longest * 1000:.0f} ms")
    assert waits.longest < LONGEST_WAIT_S
    expect_whole_books(home, sandbox, 64 * 50)


def test_threads_that_all_open_the_ledger_at_once(home: Path, sandbox: Sandbox) -> None:
    together = threading.Barrier(16)
    with open_ledger(home, sandbox.base_url) as ledger, ThreadPoolExecutor(16) as pool:

        def first(number: int) -> None:
            together.wait(10)
            ledger.get_response("x", model="m/x", caller=f"flow_{number % 4}")

        list(pool.map(first, range(16)))
    assert count(home, "caller") == 4
    assert count(home, "process") == 1
    assert count(home, "provisioning_event where kind = 'created'") >= 1
    expect_whole_books(home, sandbox, 16)


def test_sync_and_async_calls_beside_each_other(home: Path, sandbox: Sandbox) -> None:
    with open_ledger(home, sandbox.base_url) as ledger, ThreadPoolExecutor(8) as pool:

        async def some() -> None:
            calls = [ledger.aget_response("x", model="m/x", caller=CALLER) for _ in range(50)]
            await asyncio.gather(*calls)

        def plain() -> None:
            for _ in range(50):
                ledger.get_response("x", model="m/x", caller=CALLER)

        works = [pool.submit(asyncio.run, some()) for _ in range(4)]
        works += [pool.submit(plain) for _ in range(4)]
        for work in works:
            work.result()
    expect_whole_books(home, sandbox, 400)
