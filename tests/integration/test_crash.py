"""Processes killed at random points of a call: what the books then say is true."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import KEY, only, open_ledger, rows

import ledger as public
from ledger import money
from ledger.sandbox import Sandbox

ROOT = Path(public.__file__).parent.parent
KILLS = {engines.SQLITE: 240, engines.POSTGRESQL: 48}  # a child's connections take their time

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL and fork")

# Each child is a process of its own, forked from one that has imported everything and opened
# nothing: so 200 real kills take seconds. Every call has a model name of its own, by which POSTs
# and rows are matched; every third answer comes without its cost, so that there is something to
# settle. A child writes a line after each call that returned. Every sixth is killed while it opens
# the ledger for its first call, the 200 others while they make one call after another.
KILLER = textwrap.dedent(
    """
    import json, os, random, signal, sys, time
    from ledger.client import Ledger

    home, base_url, acknowledged, kills = sys.argv[1:]
    key, dice = os.environ["OPENROUTER_API_KEY"], random.Random(4)
    lines = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def calls(child, started):
        ledger = Ledger(home=home, base_url=base_url, api_key=key, background=False)
        if child % 6 == 0:
            os.write(started, b".")
        for number in range(1_000_000):
            kind = ("slow-3", "drip-0", "no-usage")[number % 3]
            model = f"sandbox/{kind},tag-{child}-{number}"
            reply = ledger.get_response("x", model=model, caller="flow_crash")
            line = [model, reply.request_id, reply.generation_id]
            os.write(lines, json.dumps(line).encode() + b"\\n")
            if number == 0:
                os.write(started, b".")

    for child in range(int(kills)):
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                calls(child, writable)
            finally:
                os._exit(1)
        os.read(readable, 1)
        time.sleep(dice.uniform(0, 0.04))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(readable)
        os.close(writable)
        if not os.WIFSIGNALED(status):
            sys.exit(f"child {child} ended by itself")
    """
)


def kill_many(home: Path, sandbox: Sandbox, tmp_path: Path, kills: int) -> list[list[str]]:
    """Run and kill the children. Returns what was acknowledged: model, request and generation."""
    script, acknowledged = tmp_path / "killer.py", tmp_path / "acknowledged"
    script.write_text(KILLER)
    environment = os.environ | {
        "OPENROUTER_API_KEY": KEY,
        "LEDGER_CALLERS_ROOT": str(tmp_path / "callers"),
        "PYTHONPATH": str(ROOT),
        **engines.environment(home),
    }
    done = subprocess.run(
        [sys.executable, str(script), str(home), sandbox.base_url, str(acknowledged), str(kills)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in acknowledged.read_text().splitlines()]


def test_kills_at_random_leave_true_books(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    home = tmp_path / "home"
    kills = KILLS[engines.SQLITE if request.config.getoption("--long") else engine]
    with Sandbox(generation_delay_s=0) as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        ledger.get_response("x", model="sandbox/tag-first", caller="flow_crash")
        acknowledged = kill_many(home, sandbox, tmp_path, kills)
        found = rows(home, "select * from request_status order by id")
        posts = sandbox.calls
        _expect_true_rows(found, posts, acknowledged, kills)
        report = ledger.settle()
        _expect_settled(home, sandbox, found, report)
    engines.assert_sound(home)


def _expect_true_rows(
    found: list[dict[str, Any]], posts: list[Any], acknowledged: list[list[str]], kills: int
) -> None:
    booked = Counter(row["model_asked"] for row in found)
    sent = Counter(seen.model for seen in posts)
    assert max(booked.values()) == 1, "two request rows for a call"
    assert max(sent.values()) == 1, "a call was sent twice"
    assert set(sent) <= set(booked), "sent, but not booked"
    by_id = {row["id"]: row for row in found}
    for model, request_id, generation_id in acknowledged:
        row = by_id[request_id]
        assert (row["model_asked"], row["status"]) == (model, "finished")
        assert row["generation_id"] == generation_id
    states = Counter(row["status"] for row in found)
    unsent = len(set(booked) - set(sent))
    print(
        f"{kills} kills: {len(found)} requests, {len(posts)} POSTs, {len(acknowledged)}"
        f" acknowledged, {states['open']} open, of which {unsent} never sent"
    )
    assert set(states) <= {"finished", "open"}
    assert states["open"] <= kills
    assert states["open"] > kills // 4, "too few kills hit a call"
    assert len(acknowledged) >= kills // 2


def _expect_settled(
    home: Path, sandbox: Sandbox, before: list[dict[str, Any]], report: Any
) -> None:
    """What has an id is booked; the rest is listed as unknown."""
    with_id = [row["id"] for row in before if row["generation_id"]]
    still_open = {row["id"] for row in before if row["status"] == "open"}
    assert {row["cost_grade"] for row in before} == {"reported", "pending", "unknown"}
    assert report.settled == len(with_id)
    assert report.pending == ()
    assert {each.request_id for each in report.unknown} == still_open
    after = rows(home, "select id, cost_grade from request_status")
    assert Counter(row["cost_grade"] for row in after) == {
        "settled": len(with_id),
        "unknown": len(still_open),
    }
    known = {row["generation_id"] for row in before if row["status"] == "finished"}
    charged = sum(
        money.to_pico(seen.charged) for seen in sandbox.calls if seen.generation_id in known
    )
    total = only(home, "select sum(total_pico) as pico from request_status")
    assert total["pico"] == charged
