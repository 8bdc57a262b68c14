"""Which folder and which name a file gives its caller."""

import json as standard
import sys
from pathlib import Path

import pytest

import ledger.callers.places as own
from ledger.callers.known import KnownNames
from ledger.callers.places import Place, is_module_folder, place_of


def _place(path: Path) -> Place:
    """The place of a file that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return place_of(str(path))


@pytest.mark.parametrize("stem", ["__init__", "__main__", "main", "app", "cli", "Main"])
def test_stems_that_say_nothing_take_their_folders_name(tmp_path: Path, stem: str) -> None:
    assert _place(tmp_path / "My Bot" / f"{stem}.py").name == "my_bot"


def test_without_any_rule_the_files_own_folder_is_taken(tmp_path: Path) -> None:
    place = _place(tmp_path / "a" / "b" / "x.py")
    assert (place.kind, place.folder) == ("module", tmp_path / "a" / "b")


def test_a_folder_that_holds_its_json_folder_wins_over_the_files_own(tmp_path: Path) -> None:
    (tmp_path / "tools" / "tools_json").mkdir(parents=True)
    assert _place(tmp_path / "tools" / "deep" / "down" / "x.py").folder == tmp_path / "tools"


@pytest.mark.parametrize("name", ["flow", "prax", "skills_chat"])
def test_a_folder_of_a_known_name_takes_what_stands_below_it(tmp_path: Path, name: str) -> None:
    assert _place(tmp_path / "top" / name / "parts" / "x.py").folder == tmp_path / "top" / name


def test_the_nearest_of_two_such_folders_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "flow" / "skills_chat"
    assert _place(folder / "x.py").folder == folder


def test_nothing_above_the_projects_root_is_the_folder(tmp_path: Path) -> None:
    source = tmp_path / "flow" / "project" / "src"
    source.mkdir(parents=True)
    (source.parent / "pyproject.toml").touch()
    assert _place(source / "x.py").folder == source


def test_the_projects_root_itself_can_be_the_folder(tmp_path: Path) -> None:
    (tmp_path / "flow" / ".git").mkdir(parents=True)
    assert _place(tmp_path / "flow" / "src" / "x.py").folder == tmp_path / "flow"


def test_the_users_home_folder_ends_the_climb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "flow"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "flow"))
    assert _place(tmp_path / "flow" / "src" / "x.py").folder == tmp_path / "flow" / "src"


def test_files_that_are_nobodys_module_are_told_apart(tmp_path: Path) -> None:
    assert place_of(standard.__file__).kind == "standard"
    assert place_of(own.__file__).kind == "ledger"
    assert place_of(pytest.__file__).kind == "installed"
    program = place_of(str(Path(sys.executable).parent / "some-program"))
    assert (program.kind, program.folder) == ("script", None)
    assert is_module_folder(tmp_path)
    assert not is_module_folder(Path(standard.__file__).parent)


def test_names_are_told_apart_further_up_where_the_folders_names_are_equal() -> None:
    known = KnownNames()
    claims = [known.claim("x", Path(f"/{top}/src")) for top in ("a", "b", "c")]
    assert claims == [("x", False), ("src.x", True), ("c.src.x", True)]
    assert known.claim("x", Path("/b/src")) == ("src.x", True)
    assert known.claim("x", None) == ("callers.x", True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such permission bits")
def test_what_lies_in_a_folder_that_all_may_write_claims_nothing_below_it(tmp_path: Path) -> None:
    everyones = tmp_path / "shared"
    (everyones / "shared_json").mkdir(parents=True)
    everyones.chmod(0o1777)
    assert _place(everyones / "mine" / "x.py").folder == everyones / "mine"
