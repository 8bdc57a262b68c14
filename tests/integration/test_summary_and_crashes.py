"""What a process says at its end, and what the next one says of a process that had none."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from callkit import only, open_ledger, rows

from ledger.client import Ledger

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
CALLS = """
import sys
from ledger import get_response, LedgerError
for caller, model in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        get_response("canary-prompt", model=model, caller=caller)
    except LedgerError:
        pass
"""
FORKS = """
import os, sys
from ledger import get_response
get_response("x", model="a/b", caller="parent")
if os.fork():
    os.wait()
elif sys.argv[1:]:
    get_response("x", model="a/b", caller="child")
"""


def run(code: str, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_run_says_at_its_end_what_its_calls_came_to(ledger_sandbox: "Sandbox") -> None:
    ledger_sandbox.reply(model="a/b", cost="0.00123456789", text="canary-answer")
    run(CALLS, "before", "a/b")
    asked = ["flow_b", "a/b", "flow_a", "a/b", "flow_a", "sandbox/no-usage", "flow_a",
             "sandbox/error-429", "flow_a", "sandbox/hangup"]  # fmt: skip
    done = run(CALLS, *asked, LEDGER_SUMMARY="1", LEDGER_BACKGROUND="0")
    assert done.stderr == (
        "ledger: 5 calls by flow_a, flow_b, 2 not finished; 0.00246913578 USD;"
        " cost pending: 1, unknown: 1\n"
    )
    assert done.stdout == ""


def test_without_being_asked_for_it_nothing_is_said(ledger_sandbox: "Sandbox") -> None:
    assert run(CALLS, "flow_a", "a/b").stderr == ""
    assert run(CALLS, "flow_a", "a/b", LEDGER_SUMMARY="0").stderr == ""


def test_a_run_without_calls_says_so(ledger_sandbox: "Sandbox") -> None:
    code = "from ledger import Ledger; Ledger().close()"
    assert run(code, LEDGER_SUMMARY="1").stderr == "ledger: no calls\n"
    refused = run("import ledger\ntry: ledger.get_response('x')\nexcept ledger.LedgerError: pass",
                  LEDGER_SUMMARY="1")  # fmt: skip
    assert refused.stderr == "ledger: no calls\n"


def test_a_ledger_that_was_closed_is_counted_too(ledger_sandbox: "Sandbox") -> None:
    code = (
        "from ledger import Ledger\n"
        "for n in range(2):\n"
        "    with Ledger() as l: l.get_response('x', model='a/b', caller='c')\n"
    )
    assert run(code, LEDGER_SUMMARY="1").stderr.startswith("ledger: 2 calls by c;")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_says_its_own(ledger_sandbox: "Sandbox") -> None:
    lines = run(FORKS, "too", LEDGER_SUMMARY="1").stderr.splitlines()
    assert sorted(line.partition(";")[0] for line in lines) == [
        "ledger: 1 call by child",
        "ledger: 1 call by parent",
    ]
    lines = run(FORKS, LEDGER_SUMMARY="1").stderr.splitlines()
    assert [line.partition(";")[0] for line in lines] == ["ledger: 1 call by parent"]


# --- after a crash ------------------------------------------------------------------------

needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


def killed_in_a_call(sandbox: "Sandbox", *callers: str) -> list[int]:
    """The ids of processes that all died while they waited for their answers."""
    before = len(sandbox.calls)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CALLS, caller, "sandbox/slow-30000"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for caller in callers
    ]
    try:
        while len(sandbox.calls) < before + len(callers):
            assert not [each for each in processes if each.poll() is not None]
    finally:
        for each in processes:
            each.kill()
            each.wait()
    return [each.pid for each in processes]


@pytest.fixture
def ledger(ledger_sandbox: "Sandbox") -> Iterator[Ledger]:
    opened = Ledger()
    yield opened
    opened.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


@needs_kill
def test_the_first_call_after_a_crash_says_once_who_died_and_what_settles_it(
    ledger_sandbox: "Sandbox", ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    (pid,) = killed_in_a_call(ledger_sandbox, "flow_dead")
    caplog.set_level(logging.DEBUG, "ledger")
    ledger.get_response("x", model="a/b", caller="flow_next")
    home = ledger.settings.home
    dead = only(home, "select id, started_at from request order by id limit 1")
    (line,) = [each for each in warnings(caplog) if " died " in each]
    for part in (f"process {pid}", dead["id"], dead["started_at"], "caller flow_dead",
                 "model sandbox/slow-30000", "its cost is unknown"):  # fmt: skip
        assert part in line
    assert "canary" not in line
    found = only(home, "select request_id, process_id from crash_notice")
    assert found == {"request_id": dead["id"], "process_id": ledger.books.process.id}
    caplog.clear()
    ledger.get_response("x", model="a/b", caller="flow_next")
    with open_ledger(home, ledger_sandbox.base_url) as third:
        third.get_response("x", model="a/b", caller="flow_third")
    assert not [each for each in warnings(caplog) if " died " in each]


@needs_kill
def test_where_the_provider_can_be_asked_it_is_said_that_it_settles(
    ledger_sandbox: "Sandbox", ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import os, signal; from ledger import stream_response\n"
        "for _ in stream_response('x', model='sandbox/drip-200', caller='flow_dead'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run(code).returncode == -signal.SIGKILL
    ledger.get_response("x", model="a/b", caller="flow_next")
    (line,) = [each for each in warnings(caplog) if " died " in each]
    assert "its cost is settled from the provider's record" in line
    assert "python -m ledger settle" in line


@needs_kill
def test_a_process_that_lives_is_not_said_to_have_died(
    ledger_sandbox: "Sandbox", ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CALLS, "flow_alive", "sandbox/slow-30000"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        while not ledger_sandbox.calls:
            assert process.poll() is None
        ledger.get_response("x", model="a/b", caller="flow_next")
    finally:
        process.kill()
        process.wait()
    assert rows(ledger.settings.home, "select * from crash_notice") == []
    assert not [each for each in warnings(caplog) if " died " in each]
    with open_ledger(ledger.settings.home, ledger_sandbox.base_url) as later:
        later.get_response("x", model="a/b", caller="flow_later")
    assert len([each for each in warnings(caplog) if " died " in each]) == 1


@needs_kill
def test_of_many_processes_at_once_one_says_it(ledger_sandbox: "Sandbox", ledger: Ledger) -> None:
    killed_in_a_call(ledger_sandbox, *(f"flow_{number}" for number in range(7)))
    code = (
        "import logging, sys; logging.basicConfig(level=logging.WARNING, stream=sys.stderr)\n"
        + CALLS
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, "flow_next", "a/b"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = "".join(process.communicate(timeout=60)[1] for process in processes)
    assert said.count(" died during request ") == 5
    assert said.count("2 more requests lost their process") == 1
    assert len(rows(ledger.settings.home, "select * from crash_notice")) == 7


@pytest.mark.one_engine
def test_looking_for_the_dead_reads_only_by_keys_and_only_the_latest(
    ledger_sandbox: "Sandbox", ledger: Ledger
) -> None:
    from ledger.calls import crashes

    ledger.get_response("x", model="a/b", caller="flow_x")
    plan: list[Any] = rows(ledger.settings.home, f"EXPLAIN QUERY PLAN {crashes._OPEN}")
    steps = [each["detail"] for each in plan]
    assert [step for step in steps if step.startswith("SCAN")] == ["SCAN request", "SCAN r"]
    assert "LIMIT 100" in crashes._OPEN
