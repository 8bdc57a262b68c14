"""`callers` and `config`: listed, explained, renamed, shown, set, restored."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import change_config, count, failure, only, rows

from ledger import errors
from ledger.__main__ import main
from ledger.callers import templates
from ledger.client import Ledger
from ledger.openrouter import exact
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"


@pytest.fixture
def home(ledger_sandbox: Sandbox) -> Path:
    assert ledger_sandbox.home is not None
    return ledger_sandbox.home


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with Ledger(home=home, background=False) as opened:
        yield opened


def ask(ledger: Ledger, caller: str, **more: Any) -> None:
    ledger.get_response("Hi", **({"model": MODEL, "caller": caller} | more))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = main(arguments)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) != 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def usage(home: Path) -> dict[str, int]:
    return {row["caller"]: row["requests"] for row in rows(home, "select * from caller_usage")}


@pytest.mark.parametrize(
    "command",
    ["callers", "callers explain", "callers rename", "config show", "config set", "config restore"],
)
def test_every_command_of_a_group_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    text = run(capsys, *command.split(), "--help")
    assert f"Example: python -m ledger {command}" in text
    assert "--json" in text
    assert "completion" not in text


# --- the list ------------------------------------------------------------------------------


def test_the_list_has_folder_config_model_calls_and_exact_cost(
    ledger: Ledger, home: Path, ledger_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger_sandbox.reply(cost="0.000000000001", times=3)
    for _ in range(3):
        ask(ledger, "flow_a")
    with pytest.raises(errors.ModelRequired):
        ledger.get_response("Hi", caller="idle")
    one, other = ledger.callers()
    assert (one.name, one.requests, one.total_pico) == ("flow_a", 3, 3)
    assert (one.total_usd, one.model) == (
        Decimal("0.000000000003"),
        templates.caller_config_document("t")["config"]["ai_model"],
    )
    assert one.config.is_file()
    assert (other.name, other.requests, other.last_request_at) == ("idle", 0, None)
    listed = exact.loads(run(capsys, "callers", "--json"))
    assert listed[0]["total_usd"] == Decimal("0.000000000003")
    assert listed[0]["booked_as"] == ["flow_a"]
    text = run(capsys, "callers")
    assert "0.000000000003" in text
    assert str(one.config) in text


def test_a_caller_whose_config_is_broken_or_off_is_listed_with_that(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(ledger, "flow_a")
    path = ledger.caller_config("flow_a").path
    path.write_text('{"config": {\n"enabled": false}}')
    assert "(off)" in run(capsys, "callers")
    path.write_text('{"config": {\n"enabled": "x"}}')
    (entry,) = ledger.callers()
    assert entry.enabled is None
    assert f"{path}, line 2" in (entry.problem or "")
    assert f"{path}, line 2" in run(capsys, "callers").replace("\n", " ")


# --- renames -------------------------------------------------------------------------------


def test_a_renamed_caller_keeps_its_history_in_every_view_and_file(
    ledger: Ledger, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(ledger, "flow_old")
    ledger.settle()
    booked = rows(home, "select * from caller"), rows(home, "select * from request")
    assert "flow_new from now on; 1 request is" in run(
        capsys, "callers", "rename", "flow_old", "flow_new"
    )
    ask(ledger, "flow_new")
    ask(ledger, "flow_old")  # a process that still runs the old module
    assert usage(home) == {"flow_new": 3}
    for view in ("request_status", "generation_metrics"):
        assert {row["caller"] for row in rows(home, f"select caller from {view}")} == {"flow_new"}
    assert rows(home, "select * from caller where name = 'flow_old'") == booked[0]
    assert rows(home, "select * from request order by id")[:1] == booked[1]
    ledger.export()
    documents = [path.read_text("ascii") for path in home.parent.rglob("*_data.json")]
    assert any('"flow_new"' in text for text in documents)
    assert not any('"flow_old"' in text for text in documents)
    (entry,) = ledger.callers()
    assert (entry.name, entry.booked_as, entry.requests) == (
        "flow_new",
        ("flow_old", "flow_new"),
        3,
    )


def test_renames_follow_each_other_and_lead_back(ledger: Ledger, home: Path) -> None:
    ask(ledger, "a")
    ask(ledger, "z")
    for old, new in (("a", "b"), ("b", "c"), ("c", "a"), ("a", "b")):
        done = ledger.rename_caller(old, new)
        assert (done.callers, done.requests) == (1, 1)
        assert usage(home) == {new: 1, "z": 1}
    ledger.rename_caller("b", "z")
    assert usage(home) == {"z": 2}
    assert ledger.rename_caller("z", "b").callers == 2
    assert usage(home) == {"b": 2}
    assert count(home, "caller_alias") == 7


def test_two_that_exchange_their_names_over_a_third_are_not_mixed(
    ledger: Ledger, home: Path
) -> None:
    ask(ledger, "a")
    for _ in range(2):
        ask(ledger, "b")
    for old, new in (("a", "spare"), ("b", "a"), ("spare", "b")):
        ledger.rename_caller(old, new)
    assert usage(home) == {"b": 1, "a": 2}


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("flow_x", "y", errors.NotFoundInLedger, "Did you mean 'flow_a'"),
        ("gone", "y", errors.NotFoundInLedger, "is shown as 'flow_a'"),
        ("flow_a", "flow_a", errors.RequestInvalid, "named so already"),
        ("flow_a", "../x", errors.CallerInvalid, "a-z, 0-9"),
        ("flow_a", "", errors.CallerInvalid, "empty"),
        ("flow_a", "x->y", errors.CallerInvalid, "chain"),
        ("flow_a", "s:y", errors.CallerInvalid, "chain"),
    ],
)
def test_a_rename_that_cannot_be_changes_nothing(  # noqa: PLR0913, PLR0917 - a case has four parts
    ledger: Ledger, home: Path, old: str, new: str, kind: type[errors.LedgerError], words: str
) -> None:
    ask(ledger, "gone")
    ledger.rename_caller("gone", "flow_a")
    with pytest.raises(kind, match=words) as caught:
        ledger.rename_caller(old, new)
    assert type(caught.value) is kind
    assert count(home, "caller_alias") == 1


@pytest.mark.one_engine
def test_without_books_there_is_nobody_to_rename(tmp_path: Path) -> None:
    with (
        Ledger(home=tmp_path / "none", background=False) as ledger,
        pytest.raises(errors.LedgerUnavailable, match="no ledger"),
    ):
        ledger.rename_caller("a", "b")
    assert not (tmp_path / "none").exists()


# --- explained -----------------------------------------------------------------------------

SOURCE = """\
import ledger
from ledger import transparent as clear

def plain():
    return 1

@ledger.transparent
def marked():
    def inner():
        return 2
    return inner

@clear
async def other(): ...

def passed():
    return 3

clear(passed)
"""


def test_a_file_is_explained_without_a_call(
    ledger: Ledger, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "flow" / "sub" / "My Module.py"
    module.parent.mkdir(parents=True)
    module.write_text(SOURCE)
    found = ledger.explain_caller(module)
    assert (found.name, found.folder) == ("my_module", tmp_path / "flow")
    assert found.config == tmp_path / "flow" / "flow_json" / "openrouter_skill_config.json"
    assert "named flow, prax or skills_" in found.rule
    assert not (home / "ledger.db").exists()
    assert not (tmp_path / "flow" / "flow_json").exists()
    text = run(capsys, "callers", "explain", f"{module}:5")
    assert f"file: {module}:5\ncaller: my_module\n" in text


@pytest.mark.parametrize(
    ("line", "function"),
    [
        (1, None),
        (5, None),
        (7, "marked"),
        (8, "marked"),
        (10, "marked"),
        (14, "other"),
        (17, "passed"),
    ],
)
def test_a_line_in_a_transparent_function_is_nobody(
    ledger: Ledger, tmp_path: Path, line: int, function: str | None
) -> None:
    module = tmp_path / "x.py"
    module.write_text(SOURCE)
    found = ledger.explain_caller(module, line)
    assert (found.name is None) == (function is not None)
    if function is not None:
        assert f"line {line} is in the transparent function {function}" in found.rule


def test_what_is_never_the_caller_is_said_so(ledger: Ledger, home: Path, tmp_path: Path) -> None:
    import httpx

    shared = tmp_path / "llm.py"
    shared.write_text("__ledger_transparent__ = True\n")
    listed = tmp_path / "lib" / "x.py"
    listed.parent.mkdir()
    listed.touch()
    ask(ledger, "warm")
    path = home / templates.HOME_FOLDER / templates.OPENROUTER_CONFIG_FILE
    change_config(path, transparent=[str(listed.parent)])
    for file, words in (
        (json.__file__, "standard library"),
        (httpx.__file__, "SDK"),
        (errors.__file__, "ledger itself"),
        (str(shared), "__ledger_transparent__"),
        (str(listed), "transparent path"),
    ):
        found = ledger.explain_caller(file)
        assert (found.name, words in found.rule) == (None, True), found
    installed = ledger.explain_caller(pytest.__file__)
    assert installed.name == "pytest"
    assert installed.rule.startswith("only where no module of yours")
    assert installed.config == home / "callers" / "pytest" / templates.SKILL_CONFIG_FILE


def test_a_name_that_another_folder_has_is_explained_and_not_taken(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "worker.py").touch()
    first = ledger.explain_caller(tmp_path / "one" / "worker.py")
    second = ledger.explain_caller(tmp_path / "two" / "worker.py")
    assert (first.name, second.name) == ("worker", "worker")
    ask(ledger, "worker")
    third = ledger.explain_caller(tmp_path / "two" / "worker.py")
    assert (third.name, "another folder" in third.rule) == ("two.worker", True)


@pytest.mark.parametrize("place", ["no/such.py", "x.py:99", "x.py:0"])
def test_a_place_that_is_none_is_one_line(
    tmp_path: Path,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ledger_sandbox: Sandbox,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text("a = 1\n")
    assert "no file" in (said := refused(capsys, "callers", "explain", place)) or "no line" in said


# --- configs -------------------------------------------------------------------------------


def test_a_value_is_set_exactly_and_the_rest_of_the_file_stays(
    ledger: Ledger, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(ledger, "flow_a")
    path = ledger.caller_config("flow_a").path
    document = exact.loads(path.read_bytes())
    document["mine"] = {"x": [1, Decimal("0.10")]}
    document["config"]["voice"] = "Żółw"
    path.write_text(exact.dumps(document))
    run(capsys, "config", "set", "ai_temperature", "0.70", "--caller", "flow_a")
    run(capsys, "config", "set", "ai_model", "maker/new:free", "--caller", "flow_a")
    run(capsys, "config", "set", "voice", "dry", "--caller", "flow_a")
    document["config"] |= {
        "ai_temperature": Decimal("0.70"),
        "ai_model": "maker/new:free",
        "voice": "dry",
    }
    assert path.read_text("ascii") == exact.dumps(document, indent=2) + "\n"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o640)
        ledger.set_config("enabled", True, "flow_a")
        assert path.stat().st_mode & 0o777 == 0o640
    assert ledger.caller_config("flow_a").ai_model == "maker/new:free"
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []
    kinds = [row["kind"] for row in rows(home, "select kind from provisioning_event order by id")]
    assert kinds == ["created", "changed", "changed"]
    ask(ledger, "flow_a")
    assert count(home, "provisioning_event") == 3


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ai_max_tokens", "many", "a whole number above 0"),
        ("ai_max_tokens", "0", "a whole number above 0"),
        ("ai_temperature", "NaN", "NaN"),
        ("enabled", "yes", "true or false"),
        ("ai_model", "5", "text in quotes"),
        ("ai_modle", "x", "There are ai_model"),
        ("api_key", "x", "no setting"),
        ("config", "{}", "no setting"),
    ],
)
def test_what_cannot_be_is_not_written(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], key: str, value: str, words: str
) -> None:
    ask(ledger, "flow_a")
    path = ledger.caller_config("flow_a").path
    before = path.read_bytes()
    assert words in refused(capsys, "config", "set", key, value, "--caller", "flow_a")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_seconds", "0"),
        ("base_url", "http://example.com"),
        ("enabled", "1"),
        ("api_key", "x"),
    ],
)
def test_the_homes_settings_are_checked_too(
    home: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    run(capsys, "config", "set", "timeout_seconds", "45")
    path = home / templates.HOME_FOLDER / templates.OPENROUTER_CONFIG_FILE
    before = path.read_bytes()
    refused(capsys, "config", "set", key, value)
    assert path.read_bytes() == before
    shown = exact.loads(run(capsys, "config", "show", "--json"))
    assert (shown["values"]["timeout_seconds"], shown["exists"]) == (45, True)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_no_key_is_shown(ledger: Ledger, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "sk-or-v1-" + "cd" * 32
    run(capsys, "config", "set", "auto_export", "false")
    path = home / templates.HOME_FOLDER / templates.API_CONFIG_FILE
    change_config(path, providers={"openrouter": {"api_key": key}})
    ask(ledger, "flow_a")
    change_config(ledger.caller_config("flow_a").path, mine={"x": [key]}, my_secret="abcdefghijklm")
    for whose in ((), ("--caller", "flow_a")):
        for form in ((), ("--json",)):
            shown = run(capsys, "config", "show", *whose, *form)
            assert key[:20] not in shown
            assert "abcdefgh" not in shown


def test_where_callers_share_a_file_a_value_is_set_for_one_alone(ledger: Ledger) -> None:
    for name in ("flow_a", "flow_b"):
        ask(ledger, name)
    shown = ledger.set_config("ai_model", "maker/a", "flow_a")
    assert shown.section == "config.callers.flow_a"
    assert ledger.caller_config("flow_a").ai_model == "maker/a"
    assert ledger.caller_config("flow_b").ai_model != "maker/a"
    assert ledger.show_config("flow_a").values["ai_model"] == "maker/a"


def test_a_lost_config_comes_back_with_its_own_values(
    ledger: Ledger, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(ledger, "flow_a")
    path = ledger.caller_config("flow_a").path
    change_config(path, ai_model="maker/mine", ai_max_tokens=77)
    ask(ledger, "flow_a")
    path.unlink()
    run(capsys, "config", "restore", "--caller", "flow_a")
    assert ledger.caller_config("flow_a").ai_model == "maker/mine"
    path.unlink()
    ask(ledger, "flow_a")  # makes it from the template
    assert ledger.caller_config("flow_a").ai_model != "maker/mine"
    ledger.restore_config("flow_a")
    restored = ledger.caller_config("flow_a")
    assert (restored.ai_model, restored.ai_max_tokens) == ("maker/mine", 77)
    assert exact.loads(path.read_bytes())["skill_name"] == "openrouter"


def test_a_config_that_is_none_is_put_aside_and_made_anew(ledger: Ledger, home: Path) -> None:
    ask(ledger, "flow_a")
    path = ledger.caller_config("flow_a").path
    path.write_text('{"config": {"ai_model": "maker/mine",}')
    assert type(failure(ledger, "sync", caller="flow_a", model=MODEL)) is errors.ConfigInvalid
    ledger.restore_config("flow_a")
    (aside,) = path.parent.glob("*.broken")
    assert aside.read_text() == '{"config": {"ai_model": "maker/mine",}'
    ask(ledger, "flow_a")


def test_what_the_books_do_not_know_cannot_be_restored_or_set(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(ledger, "flow_a")
    assert "no other values" in refused(capsys, "config", "restore", "--caller", "flow_a")
    assert "Did you mean 'flow_a'" in refused(capsys, "config", "show", "--caller", "flow_aa")
    ledger.caller_config("flow_a").path.unlink()
    assert "has no config" in refused(
        capsys, "config", "set", "enabled", "true", "--caller", "flow_a"
    )


def test_a_renamed_callers_config_is_found_by_its_new_name(ledger: Ledger, home: Path) -> None:
    ask(ledger, "flow_a")
    ledger.rename_caller("flow_a", "flow_b")
    path = ledger.set_config("ai_model", "maker/mine", "flow_b").path
    assert path == ledger.caller_config("flow_a").path
    assert only(home, "select name from caller")["name"] == "flow_a"
