"""What the books keep of callers' configs and names, from many processes at once."""

import importlib.util
import json
import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import CALLER, call, change_config, count, failure, only, open_ledger, rows

from ledger import errors
from ledger.callers import templates
from ledger.client import Ledger
from ledger.openrouter import exact
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"
EVENTS = "select kind, template_values, path, reason from provisioning_event order by id"
PROCESSES = 20


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def config_of(ledger: Ledger, caller: str = CALLER) -> Path:
    return ledger.caller_config(caller).path


def events(home: Path) -> list[tuple[str, Any]]:
    return [(row["kind"], exact.loads(row["template_values"])) for row in rows(home, EVENTS)]


def kinds(home: Path) -> list[str]:
    return [kind for kind, _ in events(home)]


# --- changes -------------------------------------------------------------------------------


def test_a_changed_config_is_one_event_with_the_templates_fields_only(
    ledger: Ledger, home: Path
) -> None:
    call(ledger, "sync", model=MODEL)
    path = config_of(ledger)
    change_config(path, ai_model="maker/mine", voice="dry", api_key="sk-or-v1-" + "cd" * 32)
    for _ in range(3):
        call(ledger, "sync", model=MODEL)
    found = events(home)
    assert [kind for kind, _ in found] == ["created", "changed"]
    assert found[1][1] == found[0][1] | {"ai_model": "maker/mine"}
    change_config(path, voice="warm")
    call(ledger, "async", model=MODEL)
    assert len(events(home)) == 2
    text = path.read_text()
    path.write_text(text.replace("0.5", "0.50"))
    call(ledger, "sync", model=MODEL)
    assert len(events(home)) == 2


def test_a_change_made_between_two_processes_is_seen_by_the_second(
    home: Path, sandbox: Sandbox
) -> None:
    with open_ledger(home, sandbox.base_url) as first:
        call(first, "sync", model=MODEL)
        path = config_of(first)
    change_config(path, enabled=False)
    for _ in range(2):
        with open_ledger(home, sandbox.base_url) as later:
            assert type(failure(later, "sync", model=MODEL)) is errors.CallerDisabled
    assert kinds(home) == ["created", "changed"]


def test_one_change_that_several_see_is_one_event(home: Path, sandbox: Sandbox) -> None:
    ledgers = []
    with open_ledger(home, sandbox.base_url) as one, open_ledger(home, sandbox.base_url) as two:
        ledgers = [one, two]
        for each in ledgers:
            call(each, "sync", model=MODEL)
        for number in range(3):
            change_config(config_of(one), ai_max_tokens=100 + number)
            for each in ledgers:
                call(each, "sync", model=MODEL)
    assert kinds(home) == ["created", "changed", "changed", "changed"]


def test_a_temperature_of_many_digits_is_no_obstacle(ledger: Ledger, home: Path) -> None:
    call(ledger, "sync", model=MODEL)
    path = config_of(ledger)
    path.write_text(path.read_text().replace("0.5", "0.123456789012345678901234"))
    call(ledger, "sync", model=MODEL)
    assert (
        '"ai_temperature": 0.123456789012345678901234' in rows(home, EVENTS)[-1]["template_values"]
    )


def test_a_config_that_was_there_before_the_ledger_is_found_and_its_change_seen(
    ledger: Ledger, home: Path
) -> None:
    path = config_of(ledger)
    path.parent.mkdir(parents=True)
    path.write_text('{"config": {"ai_model": "mine"}}')
    call(ledger, "sync", model=MODEL)
    call(ledger, "sync", model=MODEL)
    assert kinds(home) == ["found"]
    change_config(path, ai_model="other")
    call(ledger, "sync", model=MODEL)
    assert kinds(home) == ["found", "changed"]


def test_a_config_made_by_its_user_where_nothing_is_provisioned_is_read_and_booked(
    ledger: Ledger, home: Path
) -> None:
    folder = home / templates.HOME_FOLDER
    folder.mkdir(parents=True)
    (folder / templates.OPENROUTER_CONFIG_FILE).write_text('{"config": {"auto_provision": false}}')
    error = failure(ledger, "sync")
    assert type(error) is errors.ModelRequired
    assert "auto_provision is false" in str(error)
    call(ledger, "sync", model=MODEL)
    path = config_of(ledger)
    assert not path.parent.exists()
    assert not (home / "callers").exists()
    assert events(home) == []
    path.parent.mkdir(parents=True)
    path.write_text('{"config": {"enabled": true, "ai_model": "mine"}}')
    for _ in range(2):
        call(ledger, "sync", model=MODEL)
    assert kinds(home) == ["found"]
    change_config(path, enabled=False)
    assert type(failure(ledger, "sync", model=MODEL)) is errors.CallerDisabled
    assert kinds(home) == ["found", "changed"]


# --- switched off, broken ------------------------------------------------------------------


def test_a_switched_off_caller_is_told_the_file_and_the_line(ledger: Ledger) -> None:
    call(ledger, "sync", model=MODEL)
    path = config_of(ledger)
    path.write_text(
        '{"config": {\n "enabled": true,\n "callers": {"flow_probe":\n{"enabled": false}}}}'
    )
    assert f"{path}, line 4" in str(failure(ledger, "sync", model=MODEL))
    path.write_text('{"config": {\n "enabled": false}}')
    assert f"{path}, line 2" in str(failure(ledger, "sync", model=MODEL))


@pytest.mark.parametrize("off", ["api_config.json", "openrouter_config.json"])
def test_what_switches_everyone_off_is_told_by_file_and_line(
    ledger: Ledger, home: Path, off: str
) -> None:
    call(ledger, "sync", model=MODEL)
    path = home / templates.HOME_FOLDER / off
    path.write_text('{\n"config":\n{"enabled": false}}')
    assert f"{path}, line 3" in str(failure(ledger, "sync", model=MODEL))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"config":\n{"ai_temperature":\nNaN}}', 3),
        ('{"NaN": "Infinity",\n"config": {"ai_max_tokens": -Infinity}}', 2),
        ('{"a": "\\"[[[",\n"config": ' + "9" * 5000 + "}", 2),
        ('{"a":\n' + "[" * 100_000 + "\n]", 2),
    ],
)
def test_what_no_parser_gives_a_place_of_is_told_by_line_too(
    ledger: Ledger, text: str, line: int
) -> None:
    call(ledger, "sync", model=MODEL)
    path = config_of(ledger)
    path.write_text(text)
    error = failure(ledger, "sync", model=MODEL)
    assert type(error) is errors.ConfigInvalid
    assert f"{path}, line {line}:" in str(error)


# --- who may look --------------------------------------------------------------------------


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that other users may look into; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made).resolve()


# Everything is imported first: another user may not read this interpreter's packages.
NOBODY = """
import os, sys
import ledger
with ledger.Ledger(home={warm!r}) as warm:
    warm.get_response("Hi", model="m/x", caller="warm")
    warm.caller_config("warm")
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.path.insert(0, {folder!r})
import x
{then}
"""


@pytest.mark.one_engine
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be others")
@pytest.mark.parametrize("mode", ["no writing", "no looking"])
def test_another_users_folder_leaves_the_files_in_the_home(
    open_to_all: Path, tmp_path: Path, sandbox: Sandbox, mode: str
) -> None:
    folder, home = open_to_all / "flow", open_to_all / "home"
    folder.mkdir()
    (folder / "x.py").write_text(
        "import ledger\n"
        "def ask():\n"
        "    return ledger.get_response('Hi', model=ledger.caller_config().ai_model)\n"
    )
    if mode == "no looking":
        (folder / "flow_json").mkdir(mode=0o700)
    home.mkdir()
    os.chown(home, 65534, 65534)
    then = (
        "try:\n    x.ask()\nexcept ledger.LedgerError as error:\n    print(type(error).__name__)\n"
        "print(x.ask())"
    )
    source = NOBODY.format(folder=str(folder), then=then, warm=str(tmp_path / "warm"))
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={
            **os.environ,
            "LEDGER_HOME": str(home),
            "LEDGER_BACKGROUND": "0",
            "OPENROUTER_API_KEY": sandbox.key,
            "OPENROUTER_BASE_URL": sandbox.base_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "CallerProvisioned\nEcho: Hi\n", done.stderr
    event = only(home, "select kind, path, reason from provisioning_event")
    assert event["kind"] == "refused"
    assert event["path"].startswith(str(home / "callers" / "x"))
    assert str(folder / "flow_json") in event["reason"]


def test_a_json_folder_that_is_a_link_elsewhere_gets_nothing(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    own = config_of(ledger).parent
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    own.parent.mkdir(parents=True, exist_ok=True)
    own.symlink_to(elsewhere, target_is_directory=True)
    call(ledger, "sync", model=MODEL)
    assert list(elsewhere.iterdir()) == []
    event = only(home, EVENTS)
    assert (event["kind"], "is a link" in event["reason"]) == ("refused", True)


def test_a_folder_whose_name_leaves_no_room_leaves_the_files_in_the_home(
    tmp_path: Path, home: Path, sandbox: Sandbox
) -> None:
    folder = tmp_path / ("f" * 253)
    folder.mkdir()
    (folder / "x.py").write_text(
        "import ledger\nledger.get_response('Hi', model=ledger.caller_config().ai_model)\n"
    )
    first, second = (_run(folder / "x.py", home, sandbox) for _ in range(2))
    assert "CallerProvisioned" in first.stderr
    assert second.returncode == 0, second.stderr
    assert only(home, EVENTS)["kind"] == "refused"


def _run(file: Path, home: Path, sandbox: Sandbox) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(file)],
        env={
            **os.environ,
            "LEDGER_HOME": str(home),
            "LEDGER_BACKGROUND": "0",
            "OPENROUTER_API_KEY": sandbox.key,
            "OPENROUTER_BASE_URL": sandbox.base_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **engines.environment(home),
        },
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_config_that_a_folder_has_at_last_counts_at_once(ledger: Ledger, home: Path) -> None:
    own = config_of(ledger)
    own.parent.parent.mkdir(parents=True, exist_ok=True)
    own.parent.touch()
    call(ledger, "sync", model=MODEL)
    assert kinds(home) == ["refused"]
    own.parent.unlink()
    own.parent.mkdir()
    own.write_text('{"config": {"enabled": false}}')
    assert type(failure(ledger, "sync", model=MODEL)) is errors.CallerDisabled
    assert kinds(home) == ["refused", "changed"]


# --- where files appear --------------------------------------------------------------------


def test_the_first_files_of_a_project_come_with_the_line_that_ignores_them(
    tmp_path: Path, home: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    said: list[str] = []
    for folder in ("flow", "prax", "flow"):
        path = project / folder / f"{folder}_{len(said)}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("import ledger\nledger.get_response('Hi')\n")
        said.append(_run(path, home, sandbox).stderr.splitlines()[-1])
    line = "To keep such files out of git, add the line openrouter_skill_*.json to .gitignore."
    assert [line in each for each in said] == [True, False, False]
    (project / ".gitignore").write_text("openrouter_skill_*.json\n")
    made = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "init", "-q", str(project)], check=False
    )
    if made.returncode == 0:
        shown = subprocess.run(
            ["git", "-C", str(project), "status", "--porcelain", "-uall"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "openrouter_skill" not in shown.replace(".gitignore", "")


# --- many at once --------------------------------------------------------------------------


def _call_from(file: str, environ: dict[str, str], gate: Any, told: Any) -> None:
    """One process: a module's first call, made when everyone is ready."""
    os.environ.update(environ)
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    gate.wait(60)
    try:
        told.put(str(module.ask()))
    except BaseException as error:
        told.put(repr(error))
        raise


def arrive(files: list[Path], home: Path, sandbox: Sandbox) -> list[str]:
    """Every file's first call in a fresh process of its own, all at the same moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ledger.client", "ledger.calls.flow"])
    environ = {
        "LEDGER_HOME": str(home),
        "LEDGER_BACKGROUND": "0",
        "OPENROUTER_API_KEY": sandbox.key,
        "OPENROUTER_BASE_URL": sandbox.base_url,
        **engines.environment(home),
    }
    gate, told = context.Barrier(len(files)), context.Queue()
    processes = [
        context.Process(target=_call_from, args=(str(file), environ, gate, told)) for file in files
    ]
    for process in processes:
        process.start()
    answers = [told.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(30)
    return answers


def write_asking(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"import ledger\ndef ask():\n    return ledger.get_response('Hi', model={MODEL!r})\n"
    )
    return path


def expect_one_provisioning(root: Path, home: Path, sandbox: Sandbox) -> None:
    path = write_asking(root / "flow" / "flow_race.py")
    assert arrive([path] * PROCESSES, home, sandbox) == ["Echo: Hi"] * PROCESSES
    assert kinds(home).count("created") == 1
    assert set(kinds(home)) <= {"created", "found"}
    assert only(home, "select count(*) as n from caller")["n"] == 1
    outcomes = rows(home, "select caller, status, cost_grade from request_status")
    assert [(row["caller"], row["status"]) for row in outcomes] == [
        ("flow_race", "finished")
    ] * PROCESSES
    made = root / "flow" / "flow_json"
    assert sorted(each.name for each in made.iterdir()) == [
        f"openrouter_skill_{part}.json" for part in ("config", "data", "log")
    ]
    for each in (*made.iterdir(), *(home / templates.HOME_FOLDER).iterdir()):
        assert isinstance(json.loads(each.read_text("ascii")), dict), each
    assert count(home, "process") == PROCESSES


@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork server")
def test_twenty_processes_at_once_provision_one_caller(
    tmp_path: Path, home: Path, sandbox: Sandbox, engine: str
) -> None:
    for number in range(2 if engine == "sqlite" else 1):
        expect_one_provisioning(tmp_path / str(number), tmp_path / f"home{number}", sandbox)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork server")
def test_twenty_processes_at_once_provision_one_caller_fifty_times(
    tmp_path: Path, home: Path, sandbox: Sandbox
) -> None:
    for number in range(50):
        expect_one_provisioning(tmp_path / str(number), tmp_path / f"home{number}", sandbox)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork server")
def test_modules_of_one_name_that_arrive_at_once_are_told_apart(
    tmp_path: Path, home: Path, sandbox: Sandbox
) -> None:
    files = [write_asking(tmp_path / folder / "worker.py") for folder in "abcdefgh"]
    assert arrive(files * 2, home, sandbox) == ["Echo: Hi"] * 16
    found = rows(home, "select name, folder from caller")
    assert len(found) == 8
    assert len({row["name"] for row in found}) == 8
    plain = [row for row in found if row["name"] == "worker"]
    assert len(plain) == 1
    for row in found:
        assert row in plain or row["name"] == f"{Path(row['folder']).name}.worker"
    usage = rows(home, "select caller, chain, count(*) as n from request_status group by 1, 2")
    assert all((row["n"], row["chain"]) == (2, row["caller"]) for row in usage)


def test_a_name_that_another_process_gave_meanwhile_is_not_given_twice(
    tmp_path: Path, home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", sandbox.key)
    with Ledger(home=home, base_url=sandbox.base_url, background=False) as ledger:
        warm = {"__file__": str(write_asking(tmp_path / "warm" / "warm.py")), "ledger": ledger}
        exec("ledger.get_response('Hi', model='m/x')", warm)  # what is booked is read here
        other = write_asking(tmp_path / "other" / "worker.py")
        assert arrive([other], home, sandbox) == ["Echo: Hi"]
        mine = write_asking(tmp_path / "mine" / "worker.py")
        names: dict[str, Any] = {"__file__": str(mine), "ledger": ledger, "__name__": "worker"}
        exec("ledger.get_response('Hi', model='m/x')", names)
        exec("ledger.get_response('Hi', model='m/x')", names)
        exec("ledger.get_response('Hi', model='m/x', caller='boss->worker')", names)
    found = rows(home, "select caller, chain from request_status order by started_at, id")
    assert [(row["caller"], row["chain"]) for row in found] == [
        ("warm", "warm"),
        ("worker", "worker"),
        ("mine.worker", "mine.worker"),
        ("mine.worker", "mine.worker"),
        ("worker", "boss->worker"),
    ]


def test_a_named_caller_goes_to_the_home_where_it_is_known_there(
    tmp_path: Path, home: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ledger")
    module = tmp_path / "flow" / "x.py"
    module.parent.mkdir()
    module.touch()
    options: dict[str, Any] = {"base_url": sandbox.base_url, "background": False}
    with Ledger(home=home, api_key=sandbox.key, **options) as ledger:
        source = "ledger.get_response('Hi', model='m/x', caller='me')"
        exec(source, {"ledger": ledger, "__name__": "__main__"})
        exec(source, {"ledger": ledger, "__name__": "x", "__file__": str(module)})
    assert only(home, "select folder from caller")["folder"] == str(home / "callers" / "me")
    assert not (tmp_path / "flow" / "flow_json").exists()
