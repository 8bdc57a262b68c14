"""No number of processes exceeds a budget, and no killed one makes a hold leak or vanish."""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import CALLER, KEY, change_config, only, open_ledger, rows

from ledger import clock, errors
from ledger.client import Ledger
from ledger.limits import rebuilding
from ledger.sandbox import Sandbox

WORKER = Path(__file__).with_name("budget_worker.py")
HOLD = Decimal("0.02")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@contextlib.contextmanager
def opened(home: Path, sandbox: Sandbox, limit: str) -> Iterator[Ledger]:
    """A ledger with a budget, whose requests can be told at the provider's."""
    with open_ledger(home, sandbox.base_url) as ledger:
        ledger.set_budget("all", limit=limit, per="total")
        change_config(home / "api_json" / "openrouter_config.json", find_by_id=True)
        yield ledger


def start(
    home: Path, sandbox: Sandbox, seed: int, threads: int, patience_s: float
) -> "subprocess.Popen[bytes]":
    given = [home, sandbox.base_url, engines.url_of(home) or "", seed, threads, patience_s]
    return subprocess.Popen(
        [sys.executable, str(WORKER), *map(str, given)],
        env=os.environ | {"LEDGER_CALLERS_ROOT": str(home.parent / "callers")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def left(ledger: Ledger) -> Decimal:
    (state,) = ledger.budgets()
    return state.left_usd


def quiet(sandbox: Sandbox) -> None:
    """Wait until the provider has ended what it was asked."""
    until = clock.monotonic() + 10
    while any(each.status is None for each in sandbox.calls) and clock.monotonic() < until:
        clock.sleep(0.05)


def settled(ledger: Ledger) -> None:
    """Ask for every record until nothing is pending."""
    until = clock.monotonic() + 60
    while ledger.settle().pending and clock.monotonic() < until:
        clock.sleep(0.1)


def resolve_all(ledger: Ledger, sandbox: Sandbox) -> int:
    """Say of what is unknown what the provider says of it, as an operator who looked it up."""
    charged = {each.params.get("user"): each.charged for each in sandbox.calls}
    held = ledger.held()
    for each in held:
        assert (each.process, each.cost_grade) == ("ended", "unknown")
        ledger.resolve(each.request_id, charged.get(each.request_id))
    return len(held)


def run_processes(  # noqa: PLR0913 - what is tried
    home: Path,
    sandbox: Sandbox,
    *,
    processes: int,
    threads: int,
    limit: str,
    killed: float = 0.0,
    rng: random.Random | None = None,
) -> dict[str, Any]:
    """Processes that call until nothing fits; some are killed at random moments."""
    with opened(home, sandbox, limit) as ledger:
        patience_s = 1.0 if killed else 600.0
        running = [start(home, sandbox, seed, threads, patience_s) for seed in range(processes)]
        if killed:
            assert rng is not None
            _kill(rng.sample(running, round(processes * killed)), sandbox, limit, rng)
        ended = [each.wait(600) for each in running]
        assert ended.count(0) == processes - round(processes * killed)
        quiet(sandbox)
        assert sandbox.spent <= Decimal(limit)
        held = only(home, "SELECT held_pico FROM budget_rollup")["held_pico"]
        listed = ledger.held()
        assert held == sum(each.held_pico for each in listed)
        found = {"calls": len(sandbox.calls), "listed": len(listed), "left": left(ledger)}
        settled(ledger)
        found["resolved"] = resolve_all(ledger, sandbox)
        assert ledger.budgets()[0].held_pico == 0
        assert ledger.budgets()[0].spent_usd == sandbox.spent
        start(home, sandbox, 10**6, 1, patience_s).wait(300)  # what came back can be spent
        unused = Decimal(limit) - sandbox.spent
        found |= {"spent": sandbox.spent, "unused": unused}
        assert 0 <= unused < HOLD
        assert rebuilding.differences(ledger.books) == []
    return found


def _kill(
    victims: "list[subprocess.Popen[bytes]]", sandbox: Sandbox, limit: str, rng: random.Random
) -> None:
    """Kill each at another moment, while money is still to be spent."""
    share = Decimal(limit) / (len(victims) + 1)
    for number, each in enumerate(victims, 1):
        until = clock.monotonic() + 120
        while sandbox.spent < share * number * Decimal("0.8") and clock.monotonic() < until:
            clock.sleep(0.005)
        clock.sleep(rng.uniform(0, 0.05))
        each.kill()


def test_a_few_processes_never_exceed_a_budget(home: Path, sandbox: Sandbox) -> None:
    run_processes(home, sandbox, processes=3, threads=4, limit="0.3")


def test_killed_holds_stay_listed_and_return_after_settling(home: Path, sandbox: Sandbox) -> None:
    rng = random.Random(4)
    run_processes(home, sandbox, processes=3, threads=3, limit="0.5", killed=0.34, rng=rng)


@pytest.mark.long
def test_fifty_processes_of_twenty_threads_never_exceed_a_budget(
    home: Path, sandbox: Sandbox
) -> None:
    print(run_processes(home, sandbox, processes=50, threads=20, limit="40"))


@pytest.mark.long
def test_fifty_processes_of_which_a_third_is_killed(home: Path, sandbox: Sandbox) -> None:
    rng = random.Random(5)
    found = run_processes(home, sandbox, processes=50, threads=20, limit="40", killed=0.3, rng=rng)
    print(found)


# --- every way in which a call can end ------------------------------------------------------

ENDS = (
    "sandbox/cost-0.001",
    "sandbox/error-401",
    "sandbox/error-429",
    "sandbox/error-500",
    "sandbox/error-200",
    "sandbox/hangup",
    "sandbox/cut",
    "sandbox/no-usage",
    "sandbox/no-id,no-usage",
    "sandbox/html",
    "sandbox/byok",
)
LEFT_EARLY = "sandbox/cost-0.002,chunks-20,drip-1"
MOST = "0.5"


def mixed(ledger: Ledger, seed: int, number: int) -> None:
    """Calls by one thread, each of which ends in another way."""
    rng = random.Random(seed)
    for _ in range(number):
        model = rng.choice((*ENDS, LEFT_EARLY, "cancelled"))
        with contextlib.suppress(errors.LedgerError):
            if model == "cancelled":
                asyncio.run(cancelled(ledger))
            elif model == LEFT_EARLY or rng.random() < 0.3:
                with ledger.stream_response("Hi", model, CALLER, max_cost=MOST) as stream:
                    for piece in stream:
                        if model == LEFT_EARLY and piece:
                            break
            else:
                ledger.get_response("Hi", model, CALLER, max_cost=MOST)


async def cancelled(ledger: Ledger) -> None:
    call = ledger.aget_response("Hi", "sandbox/slow-300", CALLER, max_cost=MOST)
    with contextlib.suppress(TimeoutError, errors.LedgerError):
        await asyncio.wait_for(call, 0.05)


def run_mixed(home: Path, sandbox: Sandbox, *, threads: int, each: int, killed: int) -> int:
    """Calls of all kinds; at the end, held is what is listed as unknown, and nothing else."""
    with opened(home, sandbox, "1000000") as ledger:
        running = [start(home, sandbox, seed, 4, 1.0) for seed in range(killed)]
        until = clock.monotonic() + 60
        while len(sandbox.calls) < 4 * killed and clock.monotonic() < until:
            clock.sleep(0.01)
        for process in running:
            process.kill()
            process.wait()
        workers = [
            threading.Thread(target=mixed, args=(ledger, seed, each)) for seed in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ledger.books.writer.flush(30)
        quiet(sandbox)
        settled(ledger)
        unknown = rows(home, "SELECT id FROM request_status WHERE cost_grade = 'unknown'")
        listed = ledger.held()
        assert {row["id"] for row in unknown} == {one.request_id for one in listed}
        assert only(home, "SELECT held_pico FROM budget_rollup")["held_pico"] == sum(
            one.held_pico for one in listed
        )
        known = only(home, "SELECT sum(total_pico) AS spent FROM request_status")["spent"]
        assert only(home, "SELECT spent_pico FROM budget_rollup")["spent_pico"] == known
        assert rebuilding.differences(ledger.books) == []
        assert listed, "the mix has calls that nobody can be asked about"
        for one in listed:
            ledger.resolve(one.request_id, "0.001" if one.status != "open" else None)
        assert ledger.held() == []
        assert ledger.budgets()[0].held_pico == 0
        assert rebuilding.differences(ledger.books) == []
        return int(only(home, "SELECT count(*) AS n FROM request")["n"])


def test_held_is_what_is_listed_as_unknown_after_calls_of_every_kind(
    home: Path, sandbox: Sandbox
) -> None:
    assert run_mixed(home, sandbox, threads=4, each=15, killed=1) > 60


@pytest.mark.long
def test_held_is_what_is_listed_as_unknown_after_ten_thousand_calls(
    home: Path, sandbox: Sandbox
) -> None:
    assert run_mixed(home, sandbox, threads=16, each=625, killed=5) > 10_000


def test_the_key_of_the_workers_is_the_kits() -> None:
    import budget_worker

    assert budget_worker.KEY == KEY
    assert Decimal(budget_worker.HOLD) == HOLD
