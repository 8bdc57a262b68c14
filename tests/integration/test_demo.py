"""`demo` as a newcomer runs it: a process of its own, anywhere, and the user's ledger untouched."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from ledger import clock
from ledger.cli import demo, ecosystem
from ledger.openrouter import exact

pytestmark = pytest.mark.one_engine  # about a SQLite file

ROOT = Path(__file__).parents[2]
LONGEST_S = 30  # twice what it may take, for a machine that does other things too


def run(cwd: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ledger", "demo", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_the_demo_holds_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "demo folder"
    mine = tmp_path / "mine"
    began = clock.monotonic()
    done = run(
        tmp_path,
        "--home",
        str(folder),
        LEDGER_HOME=str(mine),
        LEDGER_URL=f"sqlite:///{mine}/ledger.db",
        HTTP_PROXY="http://127.0.0.1:1",
    )
    took = clock.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "FAILED" not in done.stdout
    assert "CallerProvisioned" in done.stdout
    assert "0.000994026666" in done.stdout
    assert str(folder / "api" / "ledger.db") in done.stdout
    assert not mine.exists()
    assert sorted(path.name for path in (folder / "flow" / "flow_json").iterdir()) == [
        f"openrouter_skill_{part}.json" for part in ("config", "data", "log")
    ]
    assert json.loads((folder / "api" / "api_json" / "api_data.json").read_text("ascii"))
    assert took < LONGEST_S


def test_the_demo_as_json_is_one_document(tmp_path: Path) -> None:
    done = run(tmp_path, "--json", TMPDIR=str(tmp_path), TEMP=str(tmp_path))
    found = exact.loads(done.stdout)
    assert found["passed"] is True
    assert found["report"]["totals"]["total_usd"] == Decimal("0.000994026666")
    assert found["folder"].startswith(str(tmp_path))
    assert all(check["passed"] for check in found["checks"])


def test_the_demo_fails_where_a_module_does_not_do_what_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ecosystem._SOURCES, ecosystem.CHAT, "raise SystemExit('broken')\n")
    assert demo.run(tmp_path / "demo", as_json=False) is False
    shown = capsys.readouterr().out
    assert "FAILED another caller gets its replies" in shown


def test_without_the_extra_the_demo_says_what_to_install(tmp_path: Path) -> None:
    blocker = tmp_path / "sitecustomize.py"
    blocker.write_text("import sys\nsys.modules['uvicorn'] = None\n", "utf-8")
    done = run(tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "openrouter-ledger[sandbox]" in done.stderr
