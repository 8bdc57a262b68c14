"""The main job on platforms that lack what this one has, and paths by Windows' own rules."""

import ntpath
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from typing import Any, cast

import pytest

from ledger.callers import names, places
from ledger.callers.known import KnownNames

ROOT = Path(__file__).parents[2]
# What the standard library needs of this platform is loaded first: only ours must do without.
POOR = """\
import asyncio, multiprocessing, os, pathlib, platform, shutil, socket, subprocess, sys, tempfile
for name in ("fcntl", "pwd", "grp", "resource"):
    sys.modules[name] = None
for name in (
    "register_at_fork", "fork", "getuid", "geteuid", "uname", "pread", "pwrite", "fchmod",
    "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_DIRECTORY",
):
    if hasattr(os, name):
        delattr(os, name)
really_open, really_replace, failures = os.open, os.replace, [3]
def open_no_folder(path, flags, *more, **named):
    if not isinstance(path, int) and os.path.isdir(path):
        raise PermissionError(13, "Permission denied", str(path))
    return really_open(path, flags, *more, **named)
def replace_in_use(*paths, **named):
    if failures[0]:
        failures[0] -= 1
        raise PermissionError(13, "Access is denied", str(paths[-1]))
    return really_replace(*paths, **named)
os.open, os.replace = open_no_folder, replace_in_use
"""


def run_poorly(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Python in which much is missing, and so in all processes that it starts."""
    (folder / "sitecustomize.py").write_text(POOR, "utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "PYTHONTZPATH": "",
            "PYTHONUTF8": "0",
            "PYTHONIOENCODING": "cp1252",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_the_demo_runs_where_much_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "d\xe9mo"
    done = run_poorly(tmp_path, "-m", "ledger", "demo", "--home", str(folder))
    shown = done.stdout.decode("cp1252")
    assert done.returncode == 0, shown + done.stderr.decode("cp1252")
    assert "FAILED" not in shown
    assert "0.000994026666" in shown
    assert str(folder) in shown
    assert "\\u" not in shown  # the tables are drawn with what that encoding has
    assert done.stderr == b""
    assert not [path for path in folder.rglob("*") if path.suffix == ".tmp"]


def test_the_doctor_and_the_exports_work_where_much_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "d\xe9mo"
    assert run_poorly(tmp_path, "-m", "ledger", "demo", "--home", str(folder)).returncode == 0
    home = ("--home", str(folder / "api"))
    looked = run_poorly(tmp_path, "-m", "ledger", "doctor", "--offline", *home)
    shown = looked.stdout.decode("cp1252")
    assert (looked.returncode, looked.stderr) == (0, b""), shown
    assert "ok    structure: " in shown
    assert "never by itself" in shown  # no locks, so no checkpoints of ours
    for options in (["--format", "csv"], ["--format", "csv", "--to", "usage.csv"], ["--all"]):
        done = run_poorly(tmp_path, "-m", "ledger", "export", *options, *home)
        assert (done.returncode, done.stderr) == (0, b"")
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"]


@pytest.mark.parametrize(
    "code",
    [
        "import fcntl",
        "import pwd",
        "import os; os.register_at_fork(before=print)",
        "import os; os.open('.', os.O_RDONLY)",
        "import os; open('a', 'w'); os.replace('a', 'b')",
        "import zoneinfo; assert zoneinfo.TZPATH",
        "print('\\u2500')",
    ],
)
def test_the_poor_platform_lacks_it(tmp_path: Path, code: str) -> None:
    assert run_poorly(tmp_path, "-c", code).returncode == 1


@pytest.mark.parametrize(
    ("file", "folder", "is_inside"),
    [
        (r"C:\Eco\flow\x.py", r"c:\eco\FLOW", True),
        (r"c:\eco\flow", r"C:\Eco\Flow", True),
        (r"C:\eco\flow2\x.py", r"C:\eco\flow", False),
        (r"D:\eco\flow\x.py", r"C:\eco\flow", False),
        (r"C:\eco\x.py", "C:\\", True),
        (r"C:/eco/flow/x.py", r"C:\eco\flow", True),
        (r"\\Server\Share\eco\x.py", r"\\server\share\eco", True),
        (r"\\server\other\eco\x.py", r"\\server\share\eco", False),
    ],
)
def test_windows_paths_are_compared_as_windows_does(
    file: str, folder: str, *, is_inside: bool
) -> None:
    assert places._inside(file, folder, ntpath) is is_inside


def test_an_installed_package_is_told_on_windows_too() -> None:
    sdk = PureWindowsPath(r"C:\Python313\Lib\Site-Packages\openai\_base.py")
    assert places._package_of(sdk) == ("openai", "_base.py")
    assert places._package_of(PureWindowsPath(r"\\server\share\flow\x.py")) == ()


@pytest.mark.parametrize("name", ["flow", "Flow", "PRAX", "Skills_Chat"])
def test_an_ecosystems_folder_is_known_in_any_case_on_windows(name: str) -> None:
    assert places._is_known(name, ntpath)
    assert places._is_known(name) is (os.path.normcase(name) == name.lower())


def test_one_folder_in_two_spellings_is_one_caller_on_windows() -> None:
    known = KnownNames()
    one, other = (cast("Path", PureWindowsPath(each)) for each in (r"C:\Eco\flow", r"c:\eco\FLOW"))
    assert known.claim("x", one) == ("x", False)
    assert known.claim("x", other) == ("x", False)
    assert str(known.folder_of("x")) == r"C:\Eco\flow"  # what the books then say of both
    third = cast("Path", PureWindowsPath(r"\\server\share\Eco\flow"))
    assert known.claim("x", third) == ("flow.x", True)
    root = cast("Path", PureWindowsPath("D:\\"))
    assert known.claim("x", root)[1]


def test_where_every_folder_seems_open_to_all_the_climb_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "flow" / "parts" / "x.py"
    file.parent.mkdir(parents=True)
    for folder in (tmp_path, file.parent.parent, file.parent):
        folder.chmod(0o777)
    monkeypatch.setattr(places, "_MODES_MEAN_SOMETHING", False)
    assert places.place_of(str(file)).folder == tmp_path / "flow"


DEVICES = ["CON", "con", "Nul.tar", "AUX.x.y", "COM1", "LPT9.log", "COM\xb9", "x.", "a:b", "q?"]


def _is_reserved(name: str) -> bool:
    """By Python's own rules of Windows, under the name that this version has for them."""
    rule: Any = getattr(ntpath, "isreserved", None)
    return bool(rule(name)) if rule else PureWindowsPath(name).is_reserved()


@pytest.mark.parametrize("stem", DEVICES)
def test_no_name_of_a_caller_is_a_device_or_forbidden_on_windows(stem: str) -> None:
    name = names.from_stem(stem)
    assert not _is_reserved(name)
    assert PureWindowsPath("callers", name).parts == ("callers", name)
    assert PureWindowsPath("callers", name).drive == ""
    assert not set(name) & set('<>:"/\\|?*')


def test_the_rule_for_devices_can_fail() -> None:
    assert _is_reserved("con")
    assert _is_reserved("LPT9.log")
