"""The ecosystem's own logger gets the ledger's lines, in either form, and can break nothing."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger import logs

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

ROOT = Path(__file__).parents[2]
QUESTION, ANSWER = "canary-question", "canary-answer"
MODULE = f"""\
import sys
from ledger import LedgerError, get_response
try:
    print(get_response({QUESTION!r}, model=sys.argv[1] if sys.argv[1:] else None))
except LedgerError as error:
    print(type(error).__name__)
"""
FUNCTION = """\
def system_logger(text):
    with open("heard.txt", "a", encoding="utf-8") as file:
        file.write(f"called: {text}\\n")
"""
METHODS = """\
class Logger:
    def _write(self, level, text):
        with open("heard.txt", "a", encoding="utf-8") as file:
            file.write(f"{level}: {text}\\n")
    def info(self, text):
        self._write("info", text)
    def warning(self, text):
        self._write("warning", text)
    def error(self, text):
        self._write("error", text)
system_logger = Logger()
"""
RAISES = "def system_logger(text):\n    raise RuntimeError(text)\n"
IMPORT_FAILS = "raise RuntimeError('broken')\n"
IMPORT_EXITS = "raise SystemExit(3)\n"
NO_SUCH_NAME = "logger = print\n"
ASKS_ITSELF = """\
from ledger import get_response
HEARD = []
def system_logger(text):
    with open("heard.txt", "a", encoding="utf-8") as file:
        file.write(f"called: {text}\\n")
    get_response("Sum up this line.", model="openai/gpt-4o-mini")
"""
ASKS_AT_IMPORT = f"""\
from ledger import get_response
get_response("Are you there?", model="openai/gpt-4o-mini")
{FUNCTION}"""


def ran(folder: Path, prax: str | None, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One module of an ecosystem, in a process of its own."""
    (folder / "flow").mkdir(parents=True, exist_ok=True)
    (folder / "flow" / "flow_mbank.py").write_text(MODULE, "utf-8")
    if prax is not None:
        (folder / "prax").mkdir(exist_ok=True)
        (folder / "prax" / "prax_logger.py").write_text(prax, "utf-8")
    return subprocess.run(
        [sys.executable, "flow/flow_mbank.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(ledger_sandbox: "Sandbox", tmp_path: Path) -> Path:
    ledger_sandbox.reply(text=ANSWER)
    made = tmp_path / "callers" / "ecosystem"
    made.mkdir(parents=True)
    return made


@pytest.mark.parametrize("prax", [FUNCTION, METHODS], ids=["function", "methods"])
def test_both_forms_hear_of_calls_refusals_and_failures(folder: Path, prax: str) -> None:
    assert ran(folder, prax).stdout == "CallerProvisioned\n"
    assert ran(folder, prax, "openai/gpt-4o-mini").stdout == f"{ANSWER}\n"
    assert ran(folder, prax, "sandbox/error-429").stdout == "FreeTierLimited\n"
    lines = (folder / "heard.txt").read_text("utf-8").splitlines()

    def heard(level: str, *parts: str) -> bool:
        level = level if prax is METHODS else "called"
        return any(
            line.startswith(f"{level}: ") and all(part in line for part in parts) for line in lines
        )

    assert heard("info", "caller flow_mbank: config created")
    assert heard("warning", "call refused", "Config created", "caller flow_mbank")
    assert heard("info", "request ", "caller flow_mbank", "model openai/gpt-4o-mini")
    assert heard("error", "call failed", "caller flow_mbank", "sandbox/error-429", "request ")
    said = "\n".join(lines)
    assert QUESTION not in said
    assert ANSWER not in said
    assert "sk-or-v1-ab" not in said


@pytest.mark.parametrize(
    "prax",
    [None, RAISES, IMPORT_FAILS, IMPORT_EXITS, NO_SUCH_NAME],
    ids=["absent", "raises", "import-fails", "import-exits", "other-names"],
)
def test_nothing_breaks_without_it(folder: Path, prax: str | None) -> None:
    done = ran(folder, prax, "openai/gpt-4o-mini")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ANSWER}\n", "")


@pytest.mark.parametrize("prax", [ASKS_ITSELF, ASKS_AT_IMPORT], ids=["when-called", "at-import"])
def test_a_logger_that_asks_a_model_itself_does_not_go_round(
    folder: Path, ledger_sandbox: "Sandbox", prax: str
) -> None:
    done = ran(folder, prax, "openai/gpt-4o-mini")
    assert (done.returncode, done.stdout) == (0, f"{ANSWER}\n")
    lines = (folder / "heard.txt").read_text("utf-8").splitlines()
    assert any("caller flow_mbank, model" in line for line in lines)
    if prax is ASKS_ITSELF:
        assert len(ledger_sandbox.calls) == 1 + len(lines)  # the module's own, and one a line
    else:
        assert len(ledger_sandbox.calls) == 2


def test_a_package_of_that_name_without_that_module_is_passed_over(folder: Path) -> None:
    (folder / "prax").mkdir()
    (folder / "prax" / "__init__.py").touch()
    done = ran(folder, None, "openai/gpt-4o-mini")
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_package_does_not_import_the_ecosystem(folder: Path) -> None:
    (folder / "prax").mkdir()
    (folder / "prax" / "prax_logger.py").write_text("raise SystemExit(3)\n", "utf-8")
    code = "import sys, ledger.client; print('prax.prax_logger' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "False\n"


def test_log_requests_and_log_responses_are_obeyed_there_too(
    folder: Path, ledger_sandbox: "Sandbox"
) -> None:
    ran(folder, FUNCTION, "openai/gpt-4o-mini")
    assert ledger_sandbox.home is not None
    config = ledger_sandbox.home / "api_json" / "openrouter_config.json"
    text = config.read_text("ascii")
    assert "response " not in (folder / "heard.txt").read_text("utf-8")
    text = text.replace('"log_requests": true', '"log_requests": false')
    text = text.replace('"log_responses": false', '"log_responses": true')
    config.write_text(text, "ascii")
    (folder / "heard.txt").unlink()
    ran(folder, FUNCTION, "openai/gpt-4o-mini")
    (line,) = (folder / "heard.txt").read_text("utf-8").splitlines()
    assert line.startswith("called: response ")
    assert line.endswith("caller flow_mbank, model openai/gpt-4o-mini, finished")


def test_a_level_that_somebody_set_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prax").mkdir()
    (tmp_path / "prax" / "prax_logger.py").write_text("system_logger = [].append\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(logs, "_looked_for", [])
    monkeypatch.setattr(logs.logger, "level", logging.ERROR)
    monkeypatch.setattr(logs.logger, "handlers", [])
    logs.follow_ecosystem()
    assert logs.logger.level == logging.ERROR
    assert len(logs.logger.handlers) == 1
    for name in ("prax", "prax.prax_logger"):
        monkeypatch.delitem(sys.modules, name)


def test_a_target_with_few_methods_gets_every_level() -> None:
    heard: list[str] = []

    class Few:
        def info(self, text: str) -> None:
            heard.append(text)

    handler = logs.SystemLogHandler(Few())
    for level in (logging.DEBUG, logging.INFO, logging.CRITICAL):
        handler.handle(logging.LogRecord("ledger", level, "", 0, "%s", ("x",), None))
    assert heard == ["x", "x", "x"]


def test_what_the_filters_hold_back_is_not_passed_on() -> None:
    heard: list[str] = []
    handler = logs.SystemLogHandler(heard.append)
    handler.addFilter(lambda _: False)
    assert not handler.handle(logging.LogRecord("ledger", logging.INFO, "", 0, "x", (), None))
    assert heard == []
