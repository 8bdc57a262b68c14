"""The background worker: what it settles, whose, when it ends, and what a fork does to it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import engines
import pytest

from ledger import clock
from ledger.client import Ledger
from ledger.sandbox import Sandbox
from ledger.settlement.gate import Gate
from ledger.settlement.schedule import Schedule
from ledger.settlement.settler import Settler
from ledger.settlement.worker import Worker

KEY = "sk-or-v1-" + "ab" * 32
# Since 3.12 Python warns of any fork beside a thread.
_MAY_FORK = ("-W", "ignore::DeprecationWarning")
FAST = Schedule((0.1, 0.2, 0.4, 0.8, 1.6))


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_server: Sandbox) -> Sandbox:
    _server.reset()
    return _server


@pytest.fixture
def make(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Ledger]]:
    """Makes ledgers of one home, with the fast schedule where they have a background."""
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    made: list[Ledger] = []

    def maker(*, background: bool = True, schedule: Schedule = FAST) -> Ledger:
        ledger = Ledger(
            home=tmp_path / "home", base_url=sandbox.base_url, api_key=KEY, background=background
        )

        def settler(gate: Gate | None = None) -> Settler:
            return Settler(ledger.books, ledger.desk, schedule, gate)

        monkeypatch.setattr(ledger.background, "settler", settler)
        made.append(ledger)
        return ledger

    yield maker
    for ledger in made:
        ledger.close()


def call(ledger: Ledger, model: str = "openai/gpt-4o-mini") -> None:
    ledger.get_response("Hello", model=model, caller="flow_test")


def rows(ledger: Ledger, sql: str) -> list[Any]:
    with ledger.books.read() as connection:
        return list(connection.exec_driver_sql(sql))


def settled(ledger: Ledger) -> int:
    return int(
        rows(ledger, "SELECT count(*) FROM request_status WHERE cost_grade = 'settled'")[0][0]
    )


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.02)


def environment(sandbox: Sandbox, tmp_path: Path, **more: str) -> dict[str, str]:
    return os.environ | {
        "LEDGER_HOME": str(tmp_path / "home"),
        "LEDGER_CALLERS_ROOT": str(tmp_path / "callers"),
        "OPENROUTER_API_KEY": KEY,
        "OPENROUTER_BASE_URL": sandbox.base_url,
        "PYTHONPATH": os.pathsep.join(sys.path),
        **engines.environment(tmp_path / "home"),
        **more,
    }


def script(text: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


ONE_CALL = """
import time
from ledger import get_response
get_response("Hello", model="openai/gpt-4o-mini", caller="flow_short")
"""


@pytest.mark.one_engine
def test_calls_are_settled_in_the_background(sandbox: Sandbox, make: Callable[..., Ledger]) -> None:
    sandbox.configure(generation_delay_s=0.3)
    ledger = make()
    call(ledger)
    call(ledger)
    wait_for(lambda: settled(ledger) == 2)
    attempts = [row[0] for row in rows(ledger, "SELECT result FROM settlement_attempt")]
    assert sorted(set(attempts)) == ["not_ready", "settled"]
    assert attempts.count("settled") == 2


def test_after_a_call_and_its_settlement_the_files_show_it(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = make()
    call(ledger, "sandbox/cost-0.001,settled-0.0025")
    wait_for(lambda: settled(ledger) == 1)
    ledger.close()
    data = json.loads((tmp_path / "home" / "api_json" / "api_data.json").read_text("ascii"))
    assert '"total_cost": 0.0025' in json.dumps(data)


def test_nothing_runs_where_the_background_is_off(
    sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:
    ledger = make(background=False)
    call(ledger)
    assert not [each for each in threading.enumerate() if each.name == "ledger-worker"]
    assert ledger.background._worker is None


def test_a_bad_id_ends_as_unknown_and_starves_no_other(
    sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:
    ledger = make()
    bad = ledger.track_usage("flow_test", "gen-nobody-knows")
    call(ledger)
    wait_for(lambda: settled(ledger) == 1)
    wait_for(lambda: ledger.show(bad.id).cost_grade == "unknown", 8)
    results = [row[0] for row in rows(ledger, "SELECT result FROM settlement_attempt ORDER BY id")]
    assert results.count("given_up") == 1
    assert results[-1] == "given_up"


def test_what_an_ended_process_left_is_settled_by_the_next(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    script(ONE_CALL, environment(sandbox, tmp_path))
    assert len(sandbox.calls) == 1
    ledger = make()
    assert settled(ledger) == 0
    time.sleep(0.2)
    ledger.track_usage("flow_test", "gen-wakes-the-worker")
    wait_for(lambda: settled(ledger) == 1)


KILLED_STREAM = """
import os, signal
from ledger import stream_response
reading = stream_response("Hello", model="sandbox/drip-20,chunks-50", caller="flow_short")
next(reading)
from ledger.client import default
default().books.writer.flush(5)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_stream_that_was_killed_is_settled_by_the_next_without_a_wait_for_its_deadline(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    sandbox.configure(generation_delay_s=0.0)
    subprocess.run(
        [sys.executable, "-c", KILLED_STREAM],
        env=environment(sandbox, tmp_path, LEDGER_BACKGROUND="0"),
        timeout=60,
        check=False,
    )
    ledger = make()
    found = rows(ledger, "SELECT status, cost_grade FROM request_status")
    assert [tuple(row) for row in found] == [("open", "pending")]
    time.sleep(0.3)
    ledger.track_usage("flow_test", "gen-wakes-the-worker")
    wait_for(lambda: settled(ledger) == 1)


def test_a_short_script_settles_what_the_one_before_left(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    env = environment(sandbox, tmp_path)
    script(ONE_CALL, env)
    time.sleep(5.1)
    script(ONE_CALL, env)
    assert settled(make(background=False)) == 1


def test_what_a_living_process_looks_after_is_left_to_it(
    sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:
    other = make(background=False)
    call(other)
    ledger = make()
    call(ledger)
    wait_for(lambda: settled(ledger) == 1)
    time.sleep(0.5)
    assert settled(ledger) == 1


def test_only_the_holder_of_the_lock_takes_what_others_left(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    script(ONE_CALL, environment(sandbox, tmp_path, LEDGER_BACKGROUND="0"))
    lock = make().books.worker_lock()
    assert lock.try_lock()
    try:
        ledger = make()
        call(ledger)
        wait_for(lambda: settled(ledger) == 1)
        time.sleep(0.3)
        assert settled(ledger) == 1
    finally:
        lock.close()


def exit_seconds(text: str, env: dict[str, str]) -> float:
    done = script(text + "\nprint(time.time())\n", env)
    ended = time.time()
    assert done.stderr == ""
    return ended - float(done.stdout.split()[-1])


def test_the_end_of_a_process_waits_for_no_404(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    sandbox.configure(generation_delay_s=3600.0)
    assert exit_seconds(ONE_CALL, environment(sandbox, tmp_path)) < 2.5  # on a busy machine


def test_the_end_of_a_process_waits_half_a_second_for_an_answer_at_most(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    env = environment(sandbox, tmp_path)
    script(ONE_CALL, env)
    time.sleep(5.1)
    sandbox.configure(generation_latency_s=5.0)
    assert exit_seconds(ONE_CALL + "time.sleep(0.3)", env) < 2.0


def test_closing_ends_the_thread_and_a_later_call_starts_another(
    sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:
    ledger = make()
    call(ledger)
    ledger.close()
    assert not [each for each in threading.enumerate() if each.name == "ledger-worker"]
    call(ledger)
    wait_for(lambda: settled(ledger) == 2)


def test_after_the_end_the_thread_leaves_the_books_alone(
    sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:
    sandbox.configure(generation_latency_s=1.2)
    ledger = make()
    call(ledger)
    time.sleep(0.5)  # the answer is under way
    start = time.monotonic()
    ledger.close()
    assert time.monotonic() - start < 0.9
    time.sleep(1.5)
    assert settled(ledger) == 0
    assert not [each for each in threading.enumerate() if each.name == "ledger-worker"]


@pytest.mark.one_engine
def test_an_unavailable_ledger_pauses_the_worker_and_is_said_once(
    sandbox: Sandbox,
    make: Callable[..., Ledger],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ledger.logs._once", set())
    ledger = make()
    call(ledger)
    wait_for(lambda: settled(ledger) == 1)
    worker = ledger.background._worker
    assert worker is not None
    assert worker._life is not None
    thread = worker._life.thread
    away = ledger.books.path.with_suffix(".away")
    ledger.books.close()
    ledger.books.path.rename(away)
    ledger.background.notice("gen-1", clock.now())
    ledger.background.notice("gen-2", clock.now())
    wait_for(lambda: "There is no ledger at" in caplog.text)
    time.sleep(0.5)
    assert caplog.text.count("settlement in the background pauses") == 1
    assert thread is not None
    assert thread.is_alive()
    away.rename(ledger.books.path)


def test_a_limit_of_requests_is_honoured(sandbox: Sandbox, make: Callable[..., Ledger]) -> None:
    ledger = make()
    sandbox.fail(429, endpoint="generation", times=None)
    call(ledger)
    call(ledger)
    time.sleep(2.0)
    assert rows(ledger, "SELECT http_status FROM settlement_attempt") == [(429,)]


def test_jobs_run_where_something_changed_and_at_the_end(
    tmp_path: Path, sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:
    ledger = make()
    call(ledger)
    runs: list[bool] = []
    worker = Worker(ledger.books.worker_lock, ledger.background.settler, runs.append)

    worker.notice(None, clock.now())
    wait_for(lambda: runs == [False])
    worker.notice(None, clock.now())
    worker.stop()
    assert runs == [False, True]


def test_a_failing_job_stops_neither_the_others_nor_settlement(
    sandbox: Sandbox, make: Callable[..., Ledger]
) -> None:

    ledger = make(background=False)
    call(ledger)
    [(generation_id,)] = rows(ledger, "SELECT generation_id FROM outcome")
    runs: list[bool] = []

    def broken(at_once: bool) -> None:  # noqa: FBT001 - a job of the worker
        raise OSError(f"no disk {at_once}")

    worker = Worker(ledger.books.worker_lock, ledger.background.settler, broken, runs.append)
    worker.notice(generation_id, clock.now())
    try:
        wait_for(lambda: settled(ledger) == 1)
        assert runs == [False]
    finally:
        worker.stop()


def test_noticing_costs_microseconds(sandbox: Sandbox, make: Callable[..., Ledger]) -> None:

    ledger = make(background=False)
    call(ledger)
    worker = Worker(ledger.books.worker_lock, ledger.background.settler)
    now = clock.now()
    worker.notice("gen-0", now)
    try:
        best = min(_timed(lambda: worker.notice("gen-1", now)) for _ in range(2000))
    finally:
        worker.stop()
    assert best < 20e-6


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_settles_its_own_and_not_the_parents(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    text = """
import os, sys, time
import ledger.settlement.schedule as schedule
schedule.DEFAULT = schedule.Schedule((1.0, 1.5, 2.0))
import ledger.settlement.settler as settler
settler.Settler.__init__.__defaults__ = (schedule.DEFAULT, None)
from ledger import get_response
get_response("Hello", model="openai/gpt-4o-mini", caller="parent")
child = os.fork()
if child == 0:
    get_response("Hello", model="openai/gpt-4o-mini", caller="child")
    time.sleep(3.0)
    from ledger.client import reset_default
    reset_default()
    os._exit(0)
time.sleep(3.0)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run(
        [sys.executable, *_MAY_FORK, "-c", text],
        env=environment(sandbox, tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ledger = make(background=False)
    found = rows(
        ledger,
        "SELECT s.caller, a.result, a.process_id = r.process_id FROM settlement_attempt AS a"
        " JOIN request_status AS s ON s.id = a.request_id JOIN request AS r ON r.id = a.request_id"
        " ORDER BY s.caller",
    )
    assert found == [("child", "settled", 1), ("parent", "settled", 1)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_forks_while_the_worker_is_busy_lose_no_row(
    sandbox: Sandbox, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    text = """
import os, sys
import ledger.settlement.schedule as schedule
import ledger.settlement.settler as settler
import ledger.settlement.rounds as rounds
settler.Settler.__init__.__defaults__ = (schedule.Schedule((0.01, 0.02, 0.5)), None)
rounds._PAUSE_BETWEEN_S = 0.0
from ledger import get_response
for number in range(20):
    for _ in range(3):
        get_response("Hello", model="openai/gpt-4o-mini", caller="parent")
    child = os.fork()
    if child == 0:
        get_response("Hello", model="openai/gpt-4o-mini", caller="child")
        from ledger.client import reset_default
        reset_default()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
"""
    done = subprocess.run(
        [sys.executable, *_MAY_FORK, "-c", text],
        env=environment(sandbox, tmp_path),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ledger = make(background=False)
    assert rows(ledger, "SELECT count(*) FROM outcome WHERE status = 'finished'") == [(80,)]
    ledger.settle()
    assert settled(ledger) == 80
    engines.assert_sound(tmp_path / "home")
