"""Exporters killed at random points: each file is the old or the new one, and litter goes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_rows import Rows, open_rows

from ledger.exchange.snapshots import export

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL") or not hasattr(os, "fork"), reason="needs SIGKILL and fork"
)
REQUESTS = 1_500

# Each child is a process of its own, forked from one that has imported everything and opened
# nothing. It writes the files of one state over those of the other, again and again, until it is
# killed; then every file must be byte for byte that of one of the two.
KILLER = textwrap.dedent(
    """
    import os, random, signal, sys, time
    from pathlib import Path
    from export_rows import open_rows
    from ledger.exchange.snapshots import export

    root, one, other, kills = (*map(Path, sys.argv[1:4]), int(sys.argv[4]))
    dice, littered, seen = random.Random(4), 0, [0, 0]
    states = {
        path.relative_to(one): (path.read_bytes(), (other / path.relative_to(one)).read_bytes())
        for path in one.rglob("*.json")
    }

    def exporting(ready):
        rows, began = open_rows(root / "home"), time.monotonic()
        while True:
            for every_entry in (False, True):
                export(rows.books, rows.home, every_entry=every_entry)
            if ready is not None:
                os.write(ready, str(time.monotonic() - began).encode())
                ready = None

    kill = 0
    while kill < kills or (not littered and kill < 5 * kills):
        kill += 1
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                exporting(writable)
            finally:
                os._exit(1)
        round_s = float(os.read(readable, 100))
        time.sleep(dice.uniform(0, 1.5 * round_s))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(readable)
        os.close(writable)
        if not os.WIFSIGNALED(status):
            sys.exit(f"child {kill} ended by itself")
        for path, whole in states.items():
            found = (root / path).read_bytes()
            if found not in whole:
                sys.exit(f"after kill {kill} {path} is neither the old nor the new file")
            seen[whole.index(found)] += whole[0] != whole[1]
        littered += any(root.rglob("*.tmp"))
    print(f"{kill} kills, {littered} of them left a part of a file; {seen[0]} files of one state,"
          f" {seen[1]} of the other")
    """
)


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "eco" / "home")
    yield opened
    opened.books.close()


@pytest.mark.one_engine  # the files are written alike, wherever the books are
@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.long)])
def test_killed_exports_leave_whole_files_and_no_litter_after_the_next(
    rows: Rows, tmp_path: Path, kills: int
) -> None:
    root = tmp_path / "eco"
    for name in ("flow", "prax"):
        caller = rows.caller(name, root / name)
        for number in range(REQUESTS):
            rows.call(caller, number, status="failed")
    rows.book()
    for every_entry, state in ((True, "all"), (False, "last")):
        export(rows.books, rows.home, every_entry=every_entry)
        shutil.copytree(root, tmp_path / state, ignore=shutil.ignore_patterns("*.db*", "*.lock"))
    rows.books.close()
    _kill(tmp_path, kills)
    export(rows.books, rows.home)
    assert list(root.rglob("*.tmp")) == []
    for path in (tmp_path / "last").rglob("*.json"):
        assert (root / path.relative_to(tmp_path / "last")).read_bytes() == path.read_bytes()


def _kill(tmp_path: Path, kills: int) -> None:
    """Run the killer, and see that its kills hit."""
    states = [str(tmp_path / name) for name in ("eco", "all", "last")]
    done = subprocess.run(
        [sys.executable, "-c", KILLER, *states, str(kills)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    print(done.stdout)
    littered, one, other = map(
        int, re.findall(r"(\d+) (?:of them|files|of the other)", done.stdout)
    )
    assert littered, "no kill came while a file was being written: the test showed nothing"
    assert min(one, other) > 0


@pytest.mark.parametrize("kind", ["symlink", "hard link", "dangling", "fifo"])
def test_whatever_is_planted_at_a_target_is_replaced_and_not_followed(
    rows: Rows, tmp_path: Path, kind: str
) -> None:
    root = tmp_path / "eco"
    rows.call(rows.caller("flow", root / "flow"), 1)
    rows.book()
    targets = list(export(rows.books, rows.home).written)
    wanted = {path: path.read_bytes() for path in targets}
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for path in targets:
        path.unlink()
        if kind == "symlink":
            path.symlink_to(precious)
        elif kind == "dangling":
            path.symlink_to(tmp_path / "nowhere")
        elif kind == "hard link":
            os.link(precious, path)
        else:
            os.mkfifo(path)
    report = export(rows.books, rows.home)
    assert set(report.written) == set(targets)
    assert precious.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    for path, whole in wanted.items():
        assert path.is_file()
        assert not path.is_symlink()
        assert path.stat().st_nlink == 1
        assert path.read_bytes() == whole


def test_a_link_at_the_lock_is_not_followed(rows: Rows, tmp_path: Path) -> None:
    from ledger import errors

    rows.book()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (rows.home / ".export.lock").symlink_to(precious)
    with pytest.raises(errors.SnapshotFailed, match="home"):
        export(rows.books, rows.home)
    assert precious.read_text() == "precious"
