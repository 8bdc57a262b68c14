"""What is loaded when: a package that many small modules import must cost them next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"sqlmodel", "sqlalchemy", "alembic", "pydantic", "rich", "httpx", "uvicorn", "openai"}
TO_IMPORT = HEAVY | {"typer", "click", "asyncio", "ssl", "ledger.client", "ledger.books"}


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has after running some code, and prints last."""
    report = f"{code}\nimport sys\nprint()\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", report],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import ledger",
        "from ledger import get_response, aget_response, caller_config, track_usage",
        "from ledger import LedgerError",
        "import ledger.sandbox",
    ],
)
def test_importing_the_package_loads_nothing_heavy(code: str) -> None:
    found = loaded_by(code)
    assert "ledger" in found
    assert not found & TO_IMPORT


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_nothing_heavy(option: str) -> None:
    found = loaded_by(f"from ledger.__main__ import main\nassert main([{option!r}]) == 0")
    assert "typer" in found
    assert not found & HEAVY


def test_the_check_can_fail() -> None:
    assert "sqlmodel" in loaded_by("import ledger.books.models.process")
