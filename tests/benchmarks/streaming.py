"""What recording adds to a stream: to its first token, and to a thousand chunks.

    python tests/benchmarks/streaming.py [--rounds 9] [--streams 10] [--json]

Ratios of one run to bare httpx, which reads the lines, parses each chunk and takes its text, and
records nothing. Every round measures each way in turn; the figure is the median over the rounds.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from measure import KEY, MESSAGES, MODEL

PAUSES_MS = (30, 0)
_ASKED = {"model": MODEL, "messages": MESSAGES, "stream": True}

Read = Callable[[], tuple[float, float]]
"""Reads one stream. Returns the seconds to its first token, and to its end."""


@contextlib.contextmanager
def streaming(pause_ms: int) -> Iterator[str]:
    """The streaming server, in a process of its own; yields its base URL."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("streamserver.py")), str(pause_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/api/v1"
        finally:
            server.stdin.close()


def _text(line: str) -> str:
    """The text of one line of a stream, as a careful script would take it."""
    if not line.startswith("data: ") or line == "data: [DONE]":
        return ""
    choices = json.loads(line[6:]).get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""


def _timed(pieces: Iterator[str]) -> tuple[float, float]:
    began = time.perf_counter()
    first = 0.0
    for piece in pieces:
        if piece and not first:
            first = time.perf_counter() - began
    return first, time.perf_counter() - began


async def _atimed(pieces: AsyncIterator[str]) -> tuple[float, float]:
    began = time.perf_counter()
    first = 0.0
    async for piece in pieces:
        if piece and not first:
            first = time.perf_counter() - began
    return first, time.perf_counter() - began


def sync_ways(base_url: str, ledger: Any, ends: contextlib.ExitStack) -> dict[str, Read]:
    """Bare httpx and the ledger, in one thread."""
    import httpx

    client = ends.enter_context(httpx.Client(headers={"authorization": f"Bearer {KEY}"}))

    def bare() -> Iterator[str]:
        with client.stream("POST", f"{base_url}/chat/completions", json=_ASKED) as response:
            for line in response.iter_lines():
                yield _text(line)

    def recorded() -> Iterator[str]:
        yield from ledger.stream_response(MESSAGES, MODEL, "bench")

    return {"bare httpx": lambda: _timed(bare()), "ledger": lambda: _timed(recorded())}


def async_ways(
    base_url: str, ledger: Any, runner: asyncio.Runner, ends: contextlib.ExitStack
) -> dict[str, Read]:
    """The same in a task."""
    import httpx

    client = httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"})
    ends.callback(lambda: runner.run(client.aclose()))

    async def bare() -> AsyncIterator[str]:
        url = f"{base_url}/chat/completions"
        async with client.stream("POST", url, json=_ASKED) as response:
            async for line in response.aiter_lines():
                yield _text(line)

    async def recorded() -> AsyncIterator[str]:
        async for piece in ledger.astream_response(MESSAGES, MODEL, "bench"):
            yield piece

    return {
        "bare httpx": lambda: runner.run(_atimed(bare())),
        "ledger": lambda: runner.run(_atimed(recorded())),
    }


def ratios(ways: dict[str, Read], streams: int, rounds: int) -> dict[str, float]:
    """The ledger's time divided by bare httpx's: to the first token, and in all."""
    for read in ways.values():
        read()
    seen: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        took = {
            name: [statistics.fmean(each) for each in zip(*(read() for _ in range(streams)))]  # noqa: B905 - pairs
            for name, read in ways.items()
        }
        for index, values in enumerate(seen):
            values.append(took["ledger"][index] / took["bare httpx"][index])
    return {
        "first token": statistics.median(seen[0]),
        "1,000 chunks": statistics.median(seen[1]),
    }


def measure(rounds: int, streams: int, synchronous: str = "FULL") -> dict[str, dict[str, float]]:
    """All figures, by server and driver."""
    from ledger import Ledger

    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["LEDGER_CALLERS_ROOT"] = str(folder / "callers")  # none beside this file
        for pause_ms in PAUSES_MS:
            with streaming(pause_ms) as base_url, contextlib.ExitStack() as ends:
                url = f"sqlite:///{folder}/{pause_ms}.db?synchronous={synchronous}"
                ledger = Ledger(home=folder / "home", url=url, api_key=KEY, base_url=base_url)
                ends.callback(ledger.close)
                ways = sync_ways(base_url, ledger, ends)
                found[f"sync, server at {pause_ms} ms"] = ratios(ways, streams, rounds)
                runner = ends.enter_context(asyncio.Runner())
                ways = async_ways(base_url, ledger, runner, ends)
                found[f"async, server at {pause_ms} ms"] = ratios(ways, streams, rounds)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.rounds, asked.streams, asked.synchronous)
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for title, figures in found.items():
        print(title)
        for name, ratio in figures.items():
            print(f"  {name:<28} {ratio:6.2f}x")


if __name__ == "__main__":
    main()
