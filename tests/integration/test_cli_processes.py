"""The command line as real processes: interrupts, closed pipes, poor encodings, the sandbox."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger.client import Ledger

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ledger", *arguments],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ledger", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_ask_status_and_a_wrong_command(ledger_sandbox: "Sandbox") -> None:
    asked = run("ask", "Hello", "-m", "maker/model")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "Hello" in asked.stdout
    status = run("status")
    assert status.returncode == 0
    assert ledger_sandbox.key not in status.stdout
    wrong = run("nope")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: ")


def test_an_installed_script_runs_the_same_main() -> None:
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"openrouter-ledger": "ledger.__main__:main"}


def test_an_encoding_that_lacks_a_character_is_no_crash(ledger_sandbox: "Sandbox") -> None:
    done = run("ask", "Hi 🦉", "-m", "maker/model", PYTHONIOENCODING="latin-1:strict")
    assert (done.returncode, done.stdout) == (0, "Echo: Hi \\U0001f989\n")
    for encoding in ("ascii:strict", "latin-1:strict"):
        assert run("report", "day", PYTHONIOENCODING=encoding).returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_an_interrupt_ends_with_130_and_the_request_is_booked(ledger_sandbox: "Sandbox") -> None:
    process = start("ask", "Hello", "-m", "sandbox/slow-30000")
    try:
        while not ledger_sandbox.calls:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    ledger = Ledger()
    assert [row.caller for row in ledger.requests()] == ["cli"]
    ledger.close()


@pytest.mark.skipif(os.name != "posix", reason="a pipe that closes early")
@pytest.mark.parametrize("command", [("report", "day", "--json"), ("status",), ("--help",)])
def test_a_closed_pipe_is_silent(ledger_sandbox: "Sandbox", command: tuple[str, ...]) -> None:
    ledger = Ledger()
    ledger.get_response("Hello", "maker/model", "flow_x")
    ledger.close()
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ledger", *command],
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.stderr == b""


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_the_sandbox_says_how_to_use_it_and_ends_when_interrupted(tmp_path: Path) -> None:
    process = start("sandbox")
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        assert set(settings) == {"OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"}
        asked = run("ask", "Hello", "-m", "x/y", LEDGER_HOME=str(tmp_path / "home"), **settings)
        assert asked.returncode == 0, asked.stderr
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0
