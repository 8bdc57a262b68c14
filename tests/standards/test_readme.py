"""The README is run: what it shows a newcomer is what happens."""

import importlib.metadata
import json
import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger.callers import templates

if TYPE_CHECKING:
    import pgserver

    from ledger.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (?P<path>[\w/]+\.py)\n")
FIRST_COMMAND_BY_LINE = 25
A_SERVER = "postgresql://ledger:secret@db.example/ledger"


@dataclass(frozen=True)
class Block:
    language: str
    body: str

    @property
    def path(self) -> str:
        """The file that a Python block says it is."""
        named = NAMED.match(self.body)
        return named["path"] if named else "snippet.py"


def blocks() -> list[Block]:
    return [
        Block(found["language"], found["body"])
        for found in BLOCK.finditer(README.read_text("utf-8"))
    ]


@dataclass
class Machine:
    """A newcomer's folder, in which `python` is this interpreter, with the sandbox behind it."""

    project: Path

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        path = os.pathsep.join([str(self.project / ".bin"), os.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=self.project,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def write(self, block: Block) -> str:
        path = self.project / block.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, "utf-8")
        return block.path


@pytest.fixture
def machine(ledger_sandbox: "Sandbox", tmp_path: Path) -> Machine:
    project = tmp_path / "callers" / "project"  # the fixture lets callers' folders be made here
    shim = project / ".bin" / "python"
    shim.parent.mkdir(parents=True)
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    shim.chmod(0o755)
    return Machine(project)


def of(language: str) -> list[Block]:
    return [block for block in blocks() if block.language == language]


def succeed(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def script_blocks() -> list[Block]:
    """Programs; those of `api/` are run by the tests of the ecosystem, of `sdks/` by the SDKs'."""
    elsewhere = ("# api/", "# sdks/")
    python = [block for block in of("python") if not block.body.startswith(elsewhere)]
    return [block for block in python if not block.path.startswith("test_")]


def matches(shown: str, found: str) -> bool:
    """Whether an output block, in which `...` stands for anything, is the end of what came."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.search(f"{pattern}$", found.strip()) is not None


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.language for block in blocks()} == {"bash", "python", "text", "json", "sql"}


def test_the_first_command_comes_early() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert lines.index("```bash") < FIRST_COMMAND_BY_LINE


def test_ci_runs_the_first_block_and_nothing_in_its_place() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    function = re.search(r"^readme_commands\(\).*?^}$", script, re.MULTILINE | re.DOTALL)
    assert function is not None
    done = subprocess.run(
        ["bash", "-c", f"{function[0]}\nreadme_commands"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    commands = done.stdout.splitlines()
    assert commands == of("bash")[0].body.splitlines()
    assert len(commands) == 2
    assert commands[0].endswith("-m ledger demo")
    assert commands[1].endswith("-m pytest")
    assert all(f'bash -c "${{COMMANDS[{number}]}}"' in script for number in range(2))


def test_the_first_call_is_provisioned_and_the_second_answers(machine: Machine) -> None:
    path = machine.write(script_blocks()[0])
    first = machine.run("python", path)
    assert first.returncode != 0
    shown = of("text")[0]
    assert matches(shown.body, first.stderr)
    made = machine.project / "flow" / "flow_json"
    assert len(list(made.iterdir())) == 3
    written = json.loads((made / templates.SKILL_CONFIG_FILE).read_text("ascii"))
    (block,) = of("json")
    assert {**written, "timestamp": None} == {**json.loads(block.body), "timestamp": None}
    assert succeed(machine.run("python", path)) == "Echo: Hello\n"


@pytest.mark.skipif(os.name != "posix", reason="the blocks are for a POSIX shell")
def test_every_other_block_runs(machine: Machine, ledger_sandbox: "Sandbox") -> None:
    machine.run("python", machine.write(script_blocks()[0]))
    for block in script_blocks():
        assert succeed(machine.run("python", machine.write(block)))
    for block in of("bash")[1:]:
        if A_SERVER in block.body:
            continue
        for line in block.body.splitlines():
            assert succeed(machine.run("bash", "-c", line)), line
    home = ledger_sandbox.home
    assert home is not None
    books = sqlite3.connect(f"{(home / 'ledger.db').as_uri()}?mode=ro", uri=True)
    for block in of("sql"):
        for statement in block.body.strip().split(";\n"):
            found = books.execute(statement).fetchall()
            assert found or "cost_difference" in statement, statement
    books.close()


@pytest.mark.skipif(os.name != "posix", reason="the block is for a POSIX shell")
def test_the_block_about_a_server_runs(machine: Machine, postgres: "pgserver.Server") -> None:
    (block,) = [block for block in of("bash") if A_SERVER in block.body]
    machine.run("python", machine.write(script_blocks()[0]))
    database = "readme"
    postgres.create(database)
    try:
        body = block.body.replace(A_SERVER, postgres.url(database))
        told = succeed(machine.run("bash", "-ec", body))
        assert "x" in told
        with postgres.connect(database) as connection:
            found = connection.execute("SELECT caller, status FROM request_status").fetchall()
        assert found == [("x", "finished")]
    finally:
        postgres.drop(database)


def test_the_test_block_passes(machine: Machine) -> None:
    (block,) = [block for block in of("python") if block.path.startswith("test_")]
    plugin = "ledger.sandbox.pytest_plugin"
    points = importlib.metadata.entry_points(group="pytest11")
    given = () if any(point.value == plugin for point in points) else ("-p", plugin)
    done = machine.run("python", "-m", "pytest", "-q", *given, machine.write(block))
    assert "3 passed" in succeed(done)


def test_the_tables_name_real_settings() -> None:
    text = README.read_text("utf-8")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "ledger").rglob("*.py"))
    names = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert {"LEDGER_HOME", "LEDGER_URL", "OPENROUTER_API_KEY", "auto_export"} <= names
    assert all(f'"{name}"' in sources for name in names)
