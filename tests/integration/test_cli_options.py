"""Options and mistakes on the command line: what is meant is understood, or the cure is said."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from ledger import errors
from ledger.__main__ import main
from ledger.cli import completion
from ledger.cli.app import COMMANDS, app
from ledger.cli.group import _MEANT
from ledger.cli.main import COMPLETING
from ledger.openrouter import exact

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

ROOT = Path(__file__).parents[2]


def command(name: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.get_command(None, name)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_global_options(name: str) -> None:
    options = [option for param in command(name).params for option in param.opts]
    assert {"--home", "--quiet", "-q", "--debug"} <= set(options)
    assert len(options) == len(set(options))


def test_the_home_is_taken_before_and_behind_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    for given in (("--home", two, "status"), ("status", "--home", two),
                  ("--home", one, "status", "--home", two)):  # fmt: skip
        code, out, _ = run(capsys, *given, "--json")
        found = exact.loads(out)
        assert isinstance(found, dict)
        assert (code, found["home"]) == (0, two)


@pytest.mark.one_engine
def test_quiet_leaves_unsaid_what_was_done_and_nothing_else(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox", tmp_path: Path
) -> None:
    assert "Hello" in run(capsys, "ask", "Hello", "-m", "x/y", "-q")[1]
    for done in (("settle",), ("export",), ("upgrade",), ("backup", str(tmp_path / "b.db"))):
        assert run(capsys, *done, "--quiet") == (0, "", "")
    assert "cli" in run(capsys, "-q", "report", "caller")[1]
    assert run(capsys, "-q", "show", "nothing-of-the-kind")[2].startswith("error: ")


def test_debug_shows_log_lines_without_content_or_key(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    code, out, err = run(capsys, "ask", "canary-prompt", "-m", "x/y", "--debug")
    assert code == 0
    assert "INFO: request " in err
    assert "canary-prompt" not in err
    assert ledger_sandbox.key not in out + err
    with pytest.raises(errors.NotFoundInLedger):
        main(["show", "nothing-of-the-kind", "--debug"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("reprot", "day"), "Did you mean report"),
        (("usage",), "Did you mean report caller?"),
        (("help",), "Did you mean --help?"),
        (("csv",), "Did you mean export --format csv?"),
        (("xyzzy",), "python -m ledger --help"),
        (("--json", "status"), "It goes behind the command: python -m ledger status --json."),
        (("--all", "export", "-q"), "python -m ledger export --all."),
        (("report", "fortnight"), "Example: python -m ledger report day caller --since 7d"),
        (("ask", "Hello"), 'python -m ledger ask "Hello" --model openai/gpt-4o-mini'),
        (("ask", "Hello", "--modle", "x/y"), "--model"),
        (("backup",), "Example: python -m ledger backup"),
        (("--home",), "--help"),
    ],
)
def test_a_mistake_is_answered_with_what_helps(
    capsys: pytest.CaptureFixture[str], given: tuple[str, ...], says: str
) -> None:
    code, out, err = run(capsys, *given)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err


def test_what_a_word_is_said_to_mean_is_there() -> None:
    for word, meant in _MEANT.items():
        first = meant.split()[0]
        assert first in COMMANDS or first.startswith("--"), word


def test_a_first_call_that_went_wrong_makes_no_request(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    with ledger_sandbox.expect(calls=0):
        assert run(capsys, "ask", "Hello")[0] == 2


def test_the_help_says_what_each_exit_code_means(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(run(capsys, "--help")[1].split())
    said = text.partition("Exit codes: ")[2]
    for kind, code in ((errors.CallRefused, 3), (errors.LedgerUnavailable, 4),
                       (errors.ProviderError, 5), (errors.ConnectionFailed, 6)):  # fmt: skip
        assert kind.exit_code == code
    for meaning in ("0 done", "1 other", "2 usage", "3 refused", "4 books", "5 provider",
                    "6 connection", "130 interrupted"):  # fmt: skip
        assert meaning in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell", "pwsh"])
def test_a_shell_gets_its_script(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, err = run(capsys, "completion", shell)
    assert (code, err) == (0, "")
    assert completion.PROGRAM in out
    assert COMPLETING in out


def test_a_shell_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "completion", "cmd.exe")[0] == 2


def completed(words: str, number: int) -> list[str]:
    """What bash would be told."""
    asking = {
        COMPLETING: "complete_bash",
        "COMP_WORDS": f"{completion.PROGRAM} {words}",
        "COMP_CWORD": str(number),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "ledger"],
        env=os.environ | asking,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_options_and_words_are_completed() -> None:
    assert completed("rep", 1) == ["report"]
    assert "--view" in completed("export --", 2)
    assert "--home" in completed("status --", 2)
    assert completed("report m", 2) == ["month", "member", "model"]
    assert completed("completion z", 2) == ["zsh"]


@pytest.mark.skipif(os.name != "posix", reason="a start-up file of bash")
def test_completion_is_installed_once_into_the_start_up_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for _ in range(2):
        assert run(capsys, "completion", "bash", "--install")[0] == 0
    assert (tmp_path / ".bashrc").read_text("utf-8").count(completion.PROGRAM) == 1
