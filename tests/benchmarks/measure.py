"""What a recorded call costs, beside what people use today. Ratios of one run, never times.

    python tests/benchmarks/measure.py [--rounds 7] [--calls 300] [--json]

Every round measures each way in turn, so that a machine that drifts drifts for all; the figure is
the median over the rounds of each way's time divided by bare httpx's in the same round.
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
from collections.abc import Callable, Iterator
from pathlib import Path

KEY = "sk-or-v1-" + "ab" * 32
MODEL = "openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Is all well? Answer in one sentence, please."}]
IN_FLIGHT = 64

Way = Callable[[int], None]
Ratios = dict[str, float]


@contextlib.contextmanager
def answering() -> Iterator[str]:
    """The answering server, in a process of its own; yields its base URL."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py"))],
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


def ratios(ways: dict[str, Way], calls: int, rounds: int, base: str) -> Ratios:
    """Each way's time divided by the base's of the same round, median over the rounds."""
    for way in ways.values():
        way(max(calls // 10, IN_FLIGHT))  # connections, caches, schema
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        took = {name: _timed(way, calls) for name, way in ways.items()}
        for name, seconds in took.items():
            seen[name].append(seconds / took[base])
    return {name: statistics.median(values) for name, values in seen.items()}


def _timed(way: Way, calls: int) -> float:
    began = time.perf_counter()
    way(calls)
    return time.perf_counter() - began


def sync_ways(base_url: str, folder: Path, ends: contextlib.ExitStack) -> dict[str, Way]:
    """One call after another, in one thread."""
    import httpx
    import openai

    from ledger import Ledger

    client = ends.enter_context(httpx.Client(headers={"authorization": f"Bearer {KEY}"}))
    sdk = ends.enter_context(openai.OpenAI(base_url=base_url, api_key=KEY))
    url = f"{base_url}/chat/completions"

    def bare(calls: int) -> None:
        for _ in range(calls):
            client.post(url, json={"model": MODEL, "messages": MESSAGES}).json()

    def unrecorded(calls: int) -> None:
        for _ in range(calls):
            sdk.chat.completions.create(model=MODEL, messages=MESSAGES)  # type: ignore[arg-type]

    def recorded(synchronous: str) -> Way:
        url = f"sqlite:///{folder}/sync-{synchronous}.db?synchronous={synchronous}"
        ledger = Ledger(home=folder / "home", url=url, api_key=KEY, base_url=base_url)
        ends.callback(ledger.close)

        def way(calls: int) -> None:
            for _ in range(calls):
                ledger.get_response(MESSAGES, MODEL, "bench")

        return way

    return {
        "bare httpx": bare,
        "ledger, NORMAL": recorded("NORMAL"),
        "ledger, FULL": recorded("FULL"),
        "openai SDK, unrecorded": unrecorded,
    }


def async_ways(
    base_url: str, folder: Path, runner: asyncio.Runner, ends: contextlib.ExitStack
) -> dict[str, Way]:
    """Sixty-four calls in flight, in one event loop."""
    import httpx
    import openai

    from ledger import Ledger

    client = httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"})
    sdk = openai.AsyncOpenAI(base_url=base_url, api_key=KEY)
    ends.callback(lambda: runner.run(client.aclose()))
    ends.callback(lambda: runner.run(sdk.close()))
    url = f"{base_url}/chat/completions"

    def in_flight(one: Callable[[], object]) -> Way:
        async def worker(calls: int) -> None:
            for _ in range(calls):
                await one()  # type: ignore[misc]

        async def crowd(calls: int) -> None:
            each = max(calls // IN_FLIGHT, 1)
            await asyncio.gather(*(worker(each) for _ in range(IN_FLIGHT)))

        return lambda calls: runner.run(crowd(calls))

    async def bare() -> None:
        (await client.post(url, json={"model": MODEL, "messages": MESSAGES})).json()

    def recorded(synchronous: str) -> Way:
        url = f"sqlite:///{folder}/async-{synchronous}.db?synchronous={synchronous}"
        ledger = Ledger(home=folder / "home", url=url, api_key=KEY, base_url=base_url)
        ends.callback(ledger.close)
        return in_flight(lambda: ledger.aget_response(MESSAGES, MODEL, "bench"))

    return {
        "bare httpx": in_flight(bare),
        "ledger, NORMAL": recorded("NORMAL"),
        "ledger, FULL": recorded("FULL"),
        "openai SDK, unrecorded": in_flight(
            lambda: sdk.chat.completions.create(model=MODEL, messages=MESSAGES)  # type: ignore[arg-type]
        ),
    }


def cold_ways(base_url: str, folder: Path) -> dict[str, Way]:
    """Whole processes: start, import, one call."""
    post = f"post('{base_url}/chat/completions', json={{'model': '{MODEL}', 'messages': M}})"
    scripts = {
        "python -c pass": "pass",
        "import ledger": "import ledger",
        "python -m ledger --help": "",
        "bare httpx, one call": f"import httpx; M = {MESSAGES!r}; httpx.Client().{post}.json()",
        "ledger, one call": "from ledger import get_response;"
        f" get_response({MESSAGES!r}, model='{MODEL}', caller='bench')",
        "openai SDK, one call": f"import openai; openai.OpenAI(base_url='{base_url}')"
        f".chat.completions.create(model='{MODEL}', messages={MESSAGES!r})",
    }
    environment = os.environ | {
        "OPENROUTER_API_KEY": KEY,
        "OPENAI_API_KEY": KEY,
        "OPENROUTER_BASE_URL": base_url,
        "LEDGER_HOME": str(folder / "cold"),
    }

    def process(name: str, script: str) -> Way:
        helps = name.endswith("--help")
        command = [sys.executable, *(("-m", "ledger", "--help") if helps else ("-c", script))]

        def way(calls: int) -> None:
            for _ in range(calls):
                subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

        return way

    return {name: process(name, script) for name, script in scripts.items()}


def measure(rounds: int, calls: int) -> dict[str, Ratios]:
    """All figures, by what they are relative to."""
    with answering() as base_url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["LEDGER_CALLERS_ROOT"] = str(folder / "callers")  # none beside this file
        with contextlib.ExitStack() as ends:
            ways = sync_ways(base_url, folder, ends)
            found = {"one after another, to bare httpx": ratios(ways, calls, rounds, "bare httpx")}
        with asyncio.Runner() as runner, contextlib.ExitStack() as ends:
            ways = async_ways(base_url, folder, runner, ends)
            title = f"{IN_FLIGHT} in flight, to bare httpx"
            found[title] = ratios(ways, calls * 2, rounds, "bare httpx")
        cold = cold_ways(base_url, folder)
        cold["ledger, one call"](1)  # makes the home: a first call ever also makes the schema
        started = {name: [_timed(way, 1) for _ in range(rounds)] for name, way in cold.items()}
    middle = {name: statistics.median(times) for name, times in started.items()}
    for base in ("python -c pass", "bare httpx, one call"):
        found[f"whole processes, to {base}"] = {
            name: seconds / middle[base] for name, seconds in middle.items()
        }
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.rounds, asked.calls)
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for title, figures in found.items():
        print(title)
        for name, ratio in figures.items():
            print(f"  {name:<28} {ratio:6.2f}x")


if __name__ == "__main__":
    main()
