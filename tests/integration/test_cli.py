"""The command line in this process: each command mirrors the library, and says what went wrong."""

import inspect
import io
import json
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from ledger import caller
from ledger.__main__ import main
from ledger.cli import calls, reporting
from ledger.cli.app import COMMANDS
from ledger.client import Ledger, reset_default
from ledger.errors import LedgerError
from ledger.openrouter import exact
from ledger.reports.usage.question import KEYS

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

# What each command mirrors; the last three have no ledger of their own to mirror.
MIRRORS = {
    "ask": Ledger.get_response,
    "show": Ledger.show,
    "status": Ledger.status,
    "logs": Ledger.logs,
    "purge": Ledger.purge,
    "report": Ledger.report,
    "tail": Ledger.tail,
    "sql": Ledger.sql,
    "credits": Ledger.credits,
    "models": Ledger.listed_models,
    "reconcile": Ledger.reconcile,
    "budget": Ledger.set_budget,
    "settle": Ledger.settle,
    "export": Ledger.export,
    "import": Ledger.import_file,
    "backup": Ledger.backup,
    "upgrade": Ledger.upgrade,
    "doctor": Ledger.doctor,
    "completion": None,
    "callers": Ledger.callers,
    "config": Ledger.show_config,
    "adopt": None,
    "sandbox": None,
    "demo": None,
}


def commands() -> dict[str, Any]:
    from ledger.cli.app import app

    group: Any = typer.main.get_command(app)
    return {name: group.get_command(None, name) for name in COMMANDS}


def succeed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main(arguments)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def fail(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """The one line that a failing command writes."""
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def ask(capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    text = succeed(capsys, "ask", "Hello", "-m", "maker/model", "--json", *more)
    return exact.loads(text)


def test_every_command_mirrors_the_library() -> None:
    assert set(commands()) == set(MIRRORS)
    for name, method in MIRRORS.items():
        if method is not None:
            assert inspect.isfunction(method), name


@pytest.mark.parametrize("name", MIRRORS)
def test_every_command_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = succeed(capsys, name, "--help")
    assert f"Example: python -m ledger {name}" in text
    command = commands()[name]
    assert "..." not in command.get_short_help_str(50)
    assert COMMANDS[name].summary == command.help.splitlines()[0]


def test_commands_take_no_key() -> None:
    options = {
        option
        for command in commands().values()
        for param in command.params
        for option in param.opts
    }
    assert "--json" in options
    assert not {option for option in options if "key" in option.lower()}


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = succeed(capsys, "--help")
    assert all(f"\n  {name} " in text for name in MIRRORS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from ledger import __version__

    assert succeed(capsys, "--version") == f"{__version__}\n"


@pytest.mark.one_engine
def test_ask_prints_the_answer_and_books_it(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    ledger_sandbox.reply(text="Good\nday", times=1)
    with ledger_sandbox.expect(calls=1, callers=["cli"]):
        assert succeed(capsys, "ask", "Hello", "--model", "maker/model") == "Good\nday\n"
    assert ledger_sandbox.calls[0].messages == [{"role": "user", "content": "Hello"}]


def test_ask_passes_parameters_as_json(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    given = ("-p", "temperature=0.2", "-p", 'stop=["END"]', "-p", "max_tokens=5")
    ask(capsys, *given, "--caller", "me")
    assert exact.loads(json.dumps(ledger_sandbox.calls[0].params, default=str)) == {
        "temperature": Decimal("0.2"),
        "stop": ["END"],
        "max_tokens": 5,
    }


def test_ask_as_json_has_the_exact_record(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    ledger_sandbox.reply(cost="0.0004970133333333333", text="Hi", times=1)
    found = ask(capsys)
    assert found["reply"] == "Hi"
    assert found["usage"]["cost"] == Decimal("0.0004970133333333333")
    assert found["request"]["cost_usd"] == Decimal("0.000497013333")
    assert found["request"]["cost_pico"] == 497_013_333
    assert found["request"]["caller"] == "cli"


def test_ask_reads_the_message_from_stdin(
    capsys: pytest.CaptureFixture[str],
    ledger_sandbox: "Sandbox",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    piped = io.TextIOWrapper(io.BytesIO("Zażółć\n".encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", piped)
    succeed(capsys, "ask", "-m", "maker/model")
    assert ledger_sandbox.calls[0].messages[0]["content"] == "Zażółć\n"


@pytest.mark.parametrize(
    "param", ["x", "=1", "a b=1", "stop=END", "stop=", "model=1", "messages=[]", "caller=1"]
)
def test_a_parameter_that_cannot_be_one_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox", param: str
) -> None:
    with ledger_sandbox.expect(calls=0):
        fail(capsys, 2, "ask", "Hello", "-m", "maker/model", "-p", param)


def test_ask_without_a_message_is_wrong_usage(
    capsys: pytest.CaptureFixture[str],
    ledger_sandbox: "Sandbox",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b" \n")))
    assert "nothing to ask" in fail(capsys, 2, "ask", "-m", "maker/model")


def test_an_answer_does_nothing_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "one\n\x1b]0;title\x07two"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert calls._shown(hostile) == hostile
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert calls._shown(hostile) == "one\n\\x1b]0;title\\x07two"


def test_show_by_id_and_by_generation(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    record = ask(capsys)["request"]
    for wanted in (record["id"], record["generation_id"]):
        assert exact.loads(succeed(capsys, "show", wanted, "--json")) == record
    assert record["id"] in succeed(capsys, "show", record["id"])


def test_report_words_are_the_librarys() -> None:
    assert reporting.KEYS == KEYS


@pytest.mark.parametrize("by", KEYS)
def test_report_as_json_has_each_sum(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox", by: str
) -> None:
    costs = [Decimal(cost) for cost in ("0.1", "0.2", "1E-7")]
    with caller(tags={"team": "search"}):
        for cost in costs:
            ledger_sandbox.reply(cost=cost, times=1)
            ask(capsys)
    text = succeed(capsys, "report", by, "--json")
    assert "E-" not in text
    found = exact.loads(text)
    (row,) = found["rows"]
    assert next(iter(row)) == by
    assert row["total_usd"] == found["totals"]["total_usd"] == sum(costs)
    assert row["requests"] == len(costs)
    assert "0.3000001" in succeed(capsys, "report", by)


def test_logs_and_purge(capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox") -> None:
    ask(capsys)
    assert "No content is stored" in succeed(capsys, "logs")
    assert ledger_sandbox.home is not None
    succeed(capsys, "config", "set", "store_messages", "true")
    ask(capsys)
    found = exact.loads(succeed(capsys, "logs", "hello", "--json"))
    assert [row["text"] for row in found["messages"]] == ["Hello"]
    assert "\nHello\n" in succeed(capsys, "logs", "-c", "--caller", "cli")
    assert succeed(capsys, "purge", "--all", "--dry-run").startswith("would be removed: 1")
    assert exact.loads(succeed(capsys, "purge", "--all", "--json"))["is_clean"] is True
    assert main(["purge"]) == 3
    assert "store_days" in capsys.readouterr().err


def test_settle_and_export(capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox") -> None:
    ask(capsys)
    found = exact.loads(succeed(capsys, "settle", "--json"))
    assert (found["settled"], found["pending"], found["unknown"]) == (1, [], [])
    assert succeed(capsys, "settle").startswith("Settled 0;")
    first = exact.loads(succeed(capsys, "export", "--json"))
    again = exact.loads(succeed(capsys, "export", "--json"))
    assert set(again["unchanged"]) == {*first["written"], *first["unchanged"]}
    assert again["written"] == []
    assert "0 written" in succeed(capsys, "export", "--all")


def test_settle_lists_what_is_pending_and_what_is_unknown(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    ledger_sandbox.configure(generation_delay_s=600)
    waiting = ask(capsys)["request"]
    assert main(["ask", "Hello", "-m", "sandbox/hangup"]) == 6
    capsys.readouterr()
    text = succeed(capsys, "settle")
    assert f"pending: {waiting['id']} cli {waiting['generation_id']}" in text
    assert "unknown: " in text


def test_settle_watches_until_nothing_is_pending(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    ask(capsys)
    found = exact.loads(succeed(capsys, "settle", "--watch", "--json"))
    assert found["settled"] == 1


@pytest.mark.one_engine
def test_backup_is_a_ledger_and_never_overwrites(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox", tmp_path: Path
) -> None:
    ask(capsys)
    target = tmp_path / "saved" / "ledger.db"
    assert "1 requests, verified" in succeed(capsys, "backup", str(target))
    with sqlite3.connect(target) as copy:
        assert copy.execute("SELECT count(*) FROM request").fetchone() == (1,)
    copy.close()
    assert str(target) in fail(capsys, 4, "backup", str(target))
    made = exact.loads(succeed(capsys, "backup", str(tmp_path / "2.db"), "--json"))
    assert made["requests"] == 1


@pytest.mark.one_engine
def test_upgrade_says_from_where_to_where(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    text = succeed(capsys, "upgrade")
    assert "from: no ledger" in text
    found = exact.loads(succeed(capsys, "upgrade", "--json"))
    assert found["before"] == found["after"]
    assert found["backup"] is None


@pytest.mark.one_engine
def test_home_is_chosen_by_option(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox", tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    succeed(capsys, "--home", str(elsewhere), "ask", "Hello", "-m", "maker/model")
    assert (elsewhere / "ledger.db").exists()
    found = exact.loads(succeed(capsys, "--home", str(elsewhere), "status", "--json"))
    assert (found["home"], found["requests"]) == (str(elsewhere), 1)


@pytest.mark.one_engine
def test_status_before_the_first_call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = succeed(capsys, "--home", str(tmp_path / "home"), "status")
    assert "no ledger yet" in text
    assert "python -m ledger demo" in text
    assert not (tmp_path / "home").exists()


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("report", "day"), "ledger demo"),
        (("show", "01234567"), "ledger demo"),
        (("settle",), "no ledger"),
        (("export",), "no ledger"),
        (("backup", "nowhere.db"), "no ledger"),
    ],
)
def test_without_a_ledger_the_error_says_so(
    capsys: pytest.CaptureFixture[str],
    ledger_sandbox: "Sandbox",
    arguments: tuple[str, ...],
    says: str,
) -> None:
    assert says in fail(capsys, 4, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [("nope",), ("report", "fortnight"), ("show",), ("--nope",), ("status", "--nope")],
)
def test_wrong_usage_is_one_line_that_names_the_help(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert "--help" in fail(capsys, 2, *arguments)


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) in (0, 2)
    captured = capsys.readouterr()
    assert "report" in captured.out + captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("model", "code"),
    [("sandbox/error-402", 5), ("sandbox/error-429", 5), ("sandbox/hangup", 6)],
)
def test_the_exit_code_says_the_kind_of_error(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox", model: str, code: int
) -> None:
    fail(capsys, code, "ask", "Hello", "-m", model)


def test_a_missing_key_is_a_refusal_that_says_where_to_put_one(
    capsys: pytest.CaptureFixture[str],
    ledger_sandbox: "Sandbox",
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    monkeypatch.chdir(tmp_path)
    assert "OPENROUTER_API_KEY" in fail(capsys, 3, "ask", "Hello", "-m", "maker/model")


def test_an_unknown_id_is_not_found(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    ask(capsys)
    assert "\\x1b" in fail(capsys, 1, "show", "gen-\x1b[2J\nsecond line")


@pytest.mark.one_engine
def test_debug_shows_where_it_came_from(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    with pytest.raises(LedgerError):
        main(["--debug", "report", "day"])


def test_the_demo_refuses_a_folder_that_holds_something(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "kept.txt").write_text("mine", "utf-8")
    assert "not empty" in fail(capsys, 2, "demo", "--home", str(tmp_path))
    assert "of its own" in fail(capsys, 2, "--home", str(tmp_path), "demo")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_a_module_sees_the_same_ledger_as_the_command_line(
    capsys: pytest.CaptureFixture[str], ledger_sandbox: "Sandbox"
) -> None:
    from ledger import get_response

    reply = get_response("Hello", model="maker/model", caller="flow_x")
    reset_default()
    assert "flow_x" in succeed(capsys, "show", reply.request_id)
