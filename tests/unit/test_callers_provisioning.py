"""Files that are made once, by one process, where they may be made."""

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from ledger import errors
from ledger.callers import templates
from ledger.callers.configs import read_global_config
from ledger.callers.detection import Caller
from ledger.callers.provisioning import Provision, config_path, ensure_home_configs, provision

NAMES = {f"openrouter_skill_{part}.json" for part in ("config", "data", "log")}


def _caller(folder: Path | None, name: str = "flow_x", file: str | None = "x.py") -> Caller:
    return Caller(name, folder, name, file, "given")


def _provision(arguments: tuple[Caller, Path]) -> tuple[str, bytes]:
    done = provision(*arguments)
    return done.kind, done.path.read_bytes()


def test_the_first_time_makes_three_files_and_the_second_finds_them(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    caller, home = _caller(tmp_path / "flow"), tmp_path / "home"
    first = provision(caller, home)
    folder = tmp_path / "flow" / "flow_json"
    assert (first.kind, first.path) == ("created", folder / "openrouter_skill_config.json")
    assert {path.name for path in folder.iterdir()} == NAMES
    assert json.loads((folder / "openrouter_skill_log.json").read_bytes())["logs"] == []
    assert first.values["ai_model"] == "deepseek/deepseek-chat-v3.1:free"
    assert provision(caller, home) == Provision("found", first.path, first.values)
    assert not home.exists()


def test_what_the_user_wrote_is_never_written_over(tmp_path: Path) -> None:
    caller, home = _caller(tmp_path), tmp_path / "home"
    path = provision(caller, home).path
    path.write_text('{"config": {"ai_model": "mine"}}')
    (path.parent / "openrouter_skill_data.json").write_text("mine")
    assert provision(caller, home).values["ai_model"] == "mine"
    path.unlink()
    assert provision(caller, home).kind == "created"
    assert (path.parent / "openrouter_skill_data.json").read_text() == "mine"


def test_of_eight_processes_at_once_one_creates_and_all_see_it_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(8, mp_context=context) as pool:
        for number in range(20):
            folder = tmp_path / f"flow{number}"
            folder.mkdir()
            work = [(_caller(folder), tmp_path / "home")] * 8
            results = list(pool.map(_provision, work))
            assert sorted(kind for kind, _ in results) == ["created", *["found"] * 7]
            assert len({data for _, data in results}) == 1
            assert {path.name for path in (folder / f"flow{number}_json").iterdir()} == NAMES


def test_a_folder_that_cannot_have_the_files_leaves_them_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "flow_json").touch()  # a file in the way stops root too
    caller, home = _caller(tmp_path / "flow"), tmp_path / "home"
    done = provision(caller, home)
    assert done.kind == "refused"
    assert str(tmp_path / "flow" / "flow_json") in (done.reason or "")
    assert done.path == home / "callers" / "flow_x" / "openrouter_skill_config.json"
    assert {path.name for path in done.path.parent.iterdir()} == NAMES
    assert config_path(caller, home) == done.path
    assert provision(caller, home).kind == "found"


def test_a_folders_own_config_counts_before_one_in_the_home(tmp_path: Path) -> None:
    folder, home = tmp_path / "flow", tmp_path / "home"
    caller = _caller(folder)
    own = caller.json_folder(home) / "openrouter_skill_config.json"
    assert config_path(caller, home) == own
    refused = provision(caller, home)  # the folder is not there
    assert (refused.kind, config_path(caller, home)) == ("refused", refused.path)
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    assert config_path(caller, home) == own


def test_nothing_is_written_where_packages_are_installed(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages" / "agents"
    folder.mkdir(parents=True)
    done = provision(_caller(folder), tmp_path / "home")
    assert (done.kind, list(folder.iterdir())) == ("refused", [])
    installed = provision(_caller(None, "agents", str(folder / "x.py")), tmp_path / "home")
    assert (installed.kind, installed.reason) == ("created", None)


def test_a_caller_without_a_file_is_refused_a_folder_with_the_reason(tmp_path: Path) -> None:
    done = provision(_caller(None, "me", None), tmp_path / "home")
    assert (done.kind, done.reason) == ("refused", "no file called, so there is no folder")
    assert done.path.exists()


def test_nothing_is_written_through_a_link_out_of_the_home(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (home / "callers").mkdir(parents=True)
    (home / "callers" / "me").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(errors.LedgerUnavailable, match="leads out of the home"):
        provision(_caller(None, "me", None), home)
    assert list(elsewhere.iterdir()) == []


def test_a_home_that_cannot_be_written_either_is_said_with_its_path(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.touch()
    with pytest.raises(errors.LedgerUnavailable, match="LEDGER_HOME") as caught:
        provision(_caller(None), home)
    assert str(home) in str(caught.value)


def test_a_broken_config_is_an_error_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / f"{tmp_path.name}_json" / "openrouter_skill_config.json"
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(errors.ConfigInvalid):
        provision(_caller(tmp_path), tmp_path / "home")
    assert path.read_text() == "{"


def test_the_homes_configs_are_made_once_and_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ensure_home_configs(home, auto_export=False)
    folder = home / "api_json"
    assert {p.name for p in folder.iterdir()} == {"openrouter_config.json", "api_config.json"}
    config = read_global_config(home)
    assert (config.auto_export, config.base_url) == (False, templates.BASE_URL)
    (folder / "api_config.json").write_text("{}")
    (folder / "openrouter_config.json").unlink()
    ensure_home_configs(home, auto_export=True)
    assert (folder / "api_config.json").read_text() == "{}"
    assert read_global_config(home).auto_export is True
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "openrouter_config.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="modes guard nothing on Windows")
def test_a_new_home_is_its_owners_alone_and_the_folders_above_it_are_not(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        ensure_home_configs(tmp_path / "team" / "home", auto_export=False)
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("team", "team/home")]
    assert modes == [0o755, 0o700]
