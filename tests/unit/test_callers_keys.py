"""Where the key comes from, and which of several counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import logs
from ledger.callers.configs import GlobalConfig
from ledger.callers.keys import VARIABLE, FoundKey, find_key, write_env_template

KEYS = ["sk-or-v1-" + pair * 32 for pair in ("a1", "b2", "c3", "d4", "e5")]


def _find(
    tmp_path: Path,
    argument: str | None = None,
    variable: str | None = None,
    file: str | None = None,
) -> tuple[FoundKey | None, list[FoundKey]]:
    return find_key(
        argument=argument,
        environ={} if variable is None else {VARIABLE: variable},
        config=GlobalConfig(api_key=file),
        home=tmp_path / "home",
        cwd=tmp_path / "project" / "deep",
        is_placeholder=lambda key: "..." in key,
    )


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "project" / "deep").mkdir(parents=True)
    return tmp_path


def test_the_places_count_in_their_order(folders: Path) -> None:
    (folders / "home" / ".env").write_text(f"{VARIABLE}={KEYS[3]}\n")
    (folders / "project" / ".env").write_text(f"{VARIABLE}={KEYS[4]}\n")
    given = list(KEYS[:3])
    for start in range(3):
        arguments = [None] * start + given[start:]
        won, found = _find(folders, *arguments)
        assert won == found[0]
        assert [each.key for each in found] == KEYS[start:]
    won, found = _find(folders)
    assert won is not None
    assert (won.key, won.source) == (KEYS[3], str(folders / "home" / ".env"))
    (folders / "home" / ".env").unlink()
    won, _ = _find(folders)
    assert won is not None
    assert (won.key, won.source) == (KEYS[4], str(folders / "project" / ".env"))


def test_blank_text_and_placeholders_count_as_absent(folders: Path) -> None:
    (folders / "home" / ".env").write_text(f"{VARIABLE}=sk-or-v1-...\n")
    (folders / "project" / "deep" / ".env").write_text(f"{VARIABLE}=\n")
    assert _find(folders, "", "  ", "sk-or-v1-...") == (None, [])
    (folders / "project" / ".env").write_text(f"{VARIABLE}={KEYS[0]}\n")
    won, _ = _find(folders, "", "  ", "sk-or-v1-...")
    assert won is not None
    assert won.key == KEYS[0]


def test_only_the_key_is_read_and_nothing_is_interpolated(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    text = f"OTHER=1\nexport {VARIABLE}='{KEYS[0]}${{SECRET}}'  # mine\n"
    (folders / "home" / ".env").write_text(text)
    won, _ = _find(folders)
    assert won is not None
    assert won.key == KEYS[0] + "${SECRET}"
    assert "OTHER" not in os.environ


def test_a_changed_env_file_is_read_again(folders: Path) -> None:
    path = folders / "home" / ".env"
    path.write_text(f"{VARIABLE}={KEYS[0]}\n")
    assert [each.key for each in _find(folders)[1]] == [KEYS[0]]
    path.write_text(f"# changed\n{VARIABLE}={KEYS[1]}\n")
    assert [each.key for each in _find(folders)[1]] == [KEYS[1]]


def test_an_env_file_that_cannot_be_read_is_named_and_passed_over(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folders / "home" / ".env").write_bytes(b"\xff\xfe" + VARIABLE.encode("utf-16-le"))
    assert _find(folders) == (None, [])
    assert str(folders / "home" / ".env") in caplog.text


def test_a_found_key_is_in_no_repr(folders: Path) -> None:
    won, found = _find(folders, KEYS[0])
    assert KEYS[0] not in f"{won!r} {found!r} {won}"


def test_the_env_template_is_made_once_private_and_holds_no_key(folders: Path) -> None:
    path = folders / "home" / ".env"
    assert write_env_template(folders / "home") is True
    assert _find(folders) == (None, [])
    assert all(line.startswith("#") for line in path.read_text().splitlines())
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    filled = path.read_text().replace(f"# {VARIABLE}=sk-or-v1-...", f"{VARIABLE}={KEYS[0]}")
    path.write_text(filled)
    assert write_env_template(folders / "home") is False
    assert [each.key for each in _find(folders)[1]] == [KEYS[0]]


def test_dotenv_is_not_imported_until_a_file_holds_a_key() -> None:
    source = "import sys, ledger.callers.keys; print('dotenv' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", source],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "False"


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_file_with_a_key_that_others_may_read_is_named_once(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = folders / "home" / ".env"
    path.write_text(f"{VARIABLE}={KEYS[0]}\n")
    path.chmod(0o640)
    for _ in range(3):
        _find(folders)
    lines = [line for line in caplog.messages if "chmod 600" in line]
    assert len(lines) == 1
    assert str(path) in lines[0]
    assert KEYS[0] not in caplog.text


def test_the_files_that_we_make_warn_nobody(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_env_template(folders / "home")
    with (folders / "home" / ".env").open("a") as file:
        file.write(f"{VARIABLE}={KEYS[0]}\n")
    won, _ = _find(folders)
    assert won is not None
    assert caplog.messages == []


def test_two_places_with_different_keys_are_named_once_masked_with_the_one_that_counts(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        _find(folders, KEYS[0], KEYS[1], KEYS[0])
    assert len(caplog.messages) == 1
    for said in ("the api_key argument", "sk-or-v1-a1a...a1a1", VARIABLE, "sk-or-v1-b2b...b2b2"):
        assert said in caplog.text
    assert KEYS[0] not in caplog.text
    assert KEYS[1] not in caplog.text


@pytest.fixture(autouse=True)
def _say_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_once", set())
