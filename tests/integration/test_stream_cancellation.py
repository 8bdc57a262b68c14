"""Streams left at random points: every one is in the books, and what began can be settled.

`--long` makes it a thousand; the figures that are printed are those of the last run.
"""

import asyncio
import gc
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import CALLER, KEY, open_ledger, rows

import ledger as public
from ledger import clock
from ledger.client import Ledger
from ledger.sandbox import Sandbox

ROOT = Path(public.__file__).parent.parent
FEW, MANY = (24, 24, 24), (400, 400, 200)
CHUNKS = 12
MODEL = "sandbox/drip-2,chunks-{},tag-{}"

COUNTS = [
    pytest.param(FEW, id="few"),
    pytest.param(MANY, id="thousand", marks=pytest.mark.long),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(generation_delay_s=0) as running:
        yield running


def model(tag: str) -> str:
    return MODEL.format(CHUNKS, tag)


# --- three ways to leave ------------------------------------------------------------------


def leave_in_threads(ledger: Ledger, number: int, handed: set[str]) -> None:
    """Closed, dropped, or left by an exception, after any number of pieces."""
    dice = random.Random(1)
    plans = [(n, dice.randrange(CHUNKS), dice.choice(["close", "drop", "raise"]))
             for n in range(number)]  # fmt: skip

    def leave(plan: tuple[int, int, str]) -> None:
        tag, pieces, way = f"sync-{plan[0]}", plan[1], plan[2]
        reading = ledger.stream_response("x y z", model=model(tag), caller=CALLER)
        for _ in range(pieces):
            next(reading)
            handed.add(tag)
        if way == "close":
            reading.close()
        elif way == "raise":
            with pytest.raises(ZeroDivisionError), reading:
                raise ZeroDivisionError

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, plans))


async def leave_in_tasks(ledger: Ledger, number: int, handed: set[str]) -> None:
    """Cancelled at any moment after the request was on its way into the books."""
    dice = random.Random(2)
    room = asyncio.Semaphore(8)

    async def read(tag: str, reading: Any) -> None:
        async for _ in reading:
            handed.add(tag)

    async def leave(tag: str, after_s: float) -> None:
        async with room:
            reading = ledger.astream_response("x y z", model=model(tag), caller=CALLER)
            task = asyncio.create_task(read(tag, reading))
            while reading.request_id is None:  # noqa: ASYNC110 - what is tested tells nobody
                await asyncio.sleep(0)
            await asyncio.sleep(after_s)
            task.cancel()
            await asyncio.wait([task])

    await asyncio.gather(*(leave(f"task-{n}", dice.uniform(0, 0.06)) for n in range(number)))


# Each child is a process of its own, forked from one that has imported everything and opened
# nothing. It says when its request is in the books and when it was handed its first piece.
KILLER = textwrap.dedent(
    """
    import os, random, signal, sys, time
    from ledger.client import Ledger
    import ledger.calls.streams, ledger.books.models.streams

    home, base_url, handed, kills, model = sys.argv[1:]
    key, dice = os.environ["OPENROUTER_API_KEY"], random.Random(3)
    lines = os.open(handed, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def stream(child, started):
        ledger = Ledger(home=home, base_url=base_url, api_key=key, background=False)
        ledger.get_response("x", model=f"sandbox/tag-before-{child}", caller="flow_crash")
        write = ledger.books.writer.write

        def writes(*work, **more):
            found = write(*work, **more)
            os.write(started, b".")
            return found

        ledger.books.writer.write = writes
        tag = f"kill-{child}"
        seen = False
        for piece in ledger.stream_response("x y z", model=model.format(tag), caller="flow_crash"):
            if not seen:
                os.write(lines, tag.encode() + b"\\n")
                seen = True
        time.sleep(10)

    for child in range(int(kills)):
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                stream(child, writable)
            finally:
                os._exit(1)
        os.read(readable, 1)
        time.sleep(dice.uniform(0, 0.045))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(readable)
        os.close(writable)
    """
)


def kill_processes(
    home: Path, sandbox: Sandbox, number: int, handed: set[str], tmp_path: Path
) -> None:
    script, said = tmp_path / "killer.py", tmp_path / "handed"
    script.write_text(KILLER)
    environment = os.environ | {
        "OPENROUTER_API_KEY": KEY,
        "LEDGER_CALLERS_ROOT": str(tmp_path / "callers"),
        "PYTHONPATH": str(ROOT),
        **engines.environment(home),
    }
    pattern = MODEL.format(CHUNKS, "{}")
    done = subprocess.run(
        [sys.executable, str(script), str(home), sandbox.base_url, str(said), str(number), pattern],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    handed.update(said.read_text().split() if said.exists() else ())


def open_files() -> int:
    """How many files and connections this process has open, where the system tells."""
    listed = Path("/proc/self/fd")
    gc.collect()
    return len(list(listed.iterdir())) if listed.is_dir() else 0


# --- what the books say -------------------------------------------------------------------


def settled(ledger: Ledger) -> None:
    """Settle until the provider has heard that the connections are gone."""
    until = clock.monotonic() + 30
    while ledger.settle().pending and clock.monotonic() < until:
        clock.sleep(0.2)


def expect_true_books(
    home: Path, sandbox: Sandbox, way: str, number: int, handed: set[str]
) -> dict[str, int]:
    found = rows(
        home,
        "select v.model_asked, v.status, v.cost_grade, s.id as begun, v.generation_id"
        " from request_status v left join response_start s on s.id = v.id"
        " where v.model_asked like ?",
        f"%,tag-{way}-%",
    )
    by_tag = {row["model_asked"].rpartition("tag-")[2]: row for row in found}
    assert len(by_tag) == len(found), "no stream has two rows"
    posts = {
        str(each.model).rpartition("tag-")[2]
        for each in sandbox.calls
        if f",tag-{way}-" in str(each.model)
    }
    assert posts <= by_tag.keys(), "no record, no call"
    known = ("settled", "reported", "not_charged")
    without = [row for row in found if row["begun"] and row["cost_grade"] not in known]
    assert without == [], "what has begun has its cost"
    unknown = {tag for tag, row in by_tag.items() if row["cost_grade"] == "unknown"}
    return {
        "streams": number,
        "rows": len(found),
        "posts": len(posts),
        "begun": sum(row["begun"] is not None for row in found),
        "known": sum(row["cost_grade"] in known for row in found),
        "unknown": len(unknown),
        "unknown but handed a token": len(unknown & handed),
        "open": sum(row["status"] == "open" for row in found),
    }


@pytest.mark.parametrize("counts", COUNTS)
def test_streams_cancelled_at_random_points_leave_true_books(
    tmp_path: Path, sandbox: Sandbox, counts: tuple[int, int, int]
) -> None:
    home, handed = tmp_path / "home", set[str]()
    before = open_files(), threading.active_count()
    in_threads, in_tasks, killed = counts
    with open_ledger(home, sandbox.base_url) as ledger:
        ledger.get_response("x", model="sandbox/tag-first", caller=CALLER)
        leave_in_threads(ledger, in_threads, handed)
        asyncio.run(leave_in_tasks(ledger, in_tasks, handed))
        if hasattr(signal, "SIGKILL") and hasattr(os, "fork"):
            kill_processes(home, sandbox, killed, handed, tmp_path)
        else:
            killed = 0
        ledger.books.writer.flush(10)
        settled(ledger)
        figures = {
            way: expect_true_books(home, sandbox, way, number, handed)
            for way, number in (("sync", in_threads), ("task", in_tasks), ("kill", killed))
        }
    assert (open_files(), threading.active_count()) == before, "a connection or a thread is left"
    print(json.dumps(figures, indent=1))
    assert all(each["rows"] == each["streams"] for each in figures.values())
    for way in ("sync", "task"):
        assert figures[way]["open"] == 0
        assert figures[way]["unknown but handed a token"] == 0
