import multiprocessing
import os
import stat
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger import files


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_of_eight_threads_one_creates_the_file(tmp_path: Path) -> None:
    gate, target = threading.Barrier(8), tmp_path / "config.json"

    def create(number: int) -> bool:
        gate.wait(10)
        return files.create_once(target, f"whole {number}".encode() * 1000)

    for _ in range(20):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(create, range(8)))
        assert won.count(True) == 1
        assert target.read_bytes() == f"whole {won.index(True)}".encode() * 1000
        assert names_in(tmp_path) == ["config.json"]
        target.unlink()


def _create(path: str, number: int) -> list[bool]:
    return [files.create_once(Path(f"{path}-{n}"), f"{number}".encode() * 5000) for n in range(50)]


def test_of_four_processes_one_creates_each_file(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as pool:
        waiting = [pool.submit(_create, str(tmp_path / "file"), n) for n in range(4)]
        done = [each.result(timeout=60) for each in waiting]
    for n in range(50):
        winners = [number for number in range(4) if done[number][n]]
        assert len(winners) == 1
        assert (tmp_path / f"file-{n}").read_bytes() == str(winners[0]).encode() * 5000
    assert len(list(tmp_path.iterdir())) == 50


def test_creating_never_replaces_or_follows(tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "config.json", tmp_path / "elsewhere"
    target.write_bytes(b"mine")
    assert not files.create_once(target, b"other")
    assert target.read_bytes() == b"mine"
    planted = tmp_path / "planted"
    planted.symlink_to(elsewhere)
    assert not files.create_once(planted, b"other")
    assert not elsewhere.exists()


def test_creating_works_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: Any, **__: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    assert files.create_once(tmp_path / "a", b"one")
    assert not files.create_once(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"

    def no_replace(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", no_replace)
    with pytest.raises(OSError, match="Input/output"):
        files.create_once(tmp_path / "b", b"one")
    assert names_in(tmp_path) == ["a"]


def test_writing_the_same_bytes_touches_nothing(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    assert files.write_atomic(target, b"one")
    os.utime(target, ns=(10**18, 10**18))
    before = target.stat()
    assert not files.write_atomic(target, b"one")
    after = target.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert files.write_atomic(target, b"two")
    assert target.read_bytes() == b"two"


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.private_folder(tmp_path / "a" / "home")
        files.create_once(tmp_path / "once", b"x")
        files.write_atomic(tmp_path / "atomic", b"x")
        files.create_private(tmp_path / "private")
        files.write_atomic(tmp_path / "open", b"x", mode=0o644)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a" / "home") == 0o700
    assert [mode_of(tmp_path / n) for n in ("once", "atomic", "private")] == [0o600] * 3
    assert mode_of(tmp_path / "open") == 0o644


def test_a_planted_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "data.json"
    victim.write_bytes(b"precious")
    target.symlink_to(victim)
    assert files.write_atomic(target, b"precious")  # equal bytes behind a link are no reason
    assert not target.is_symlink()
    assert victim.read_bytes() == b"precious"
    hard = tmp_path / "hard"
    os.link(victim, hard)
    files.write_atomic(hard, b"new")
    assert (victim.read_bytes(), hard.read_bytes()) == (b"precious", b"new")


def test_a_planted_pipe_does_not_hang_the_writer(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    os.mkfifo(target)
    thread = threading.Thread(target=files.write_atomic, args=(target, b"new"), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert target.read_bytes() == b"new"


def test_a_folder_at_the_target_stays_and_no_litter_does(tmp_path: Path) -> None:
    (tmp_path / "data.json").mkdir()
    with pytest.raises(OSError, match=r"directory|folder"):
        files.write_atomic(tmp_path / "data.json", b"new")
    assert names_in(tmp_path) == ["data.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_is_broken_off_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    target = tmp_path / "data.json"
    files.write_atomic(target, b"old")

    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, step, broken)
    with pytest.raises(type(error)):
        files.write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["data.json"]


def _held(monkeypatch: pytest.MonkeyPatch, times: float) -> list[int]:
    """As on Windows, where an editor holds the target open."""
    whole, tries = os.replace, [0]

    def replace(source: Any, target: Any) -> None:
        tries[0] += 1
        if tries[0] <= times:
            raise PermissionError(13, "Access is denied", str(target))
        whole(source, target)

    monkeypatch.setattr(os, "replace", replace)
    return tries


def test_a_target_that_is_held_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_atomic(tmp_path / "data.json", b"old")
    tries = _held(monkeypatch, 3)
    assert files.write_atomic(tmp_path / "data.json", b"new")
    assert tries == [4]
    assert (tmp_path / "data.json").read_bytes() == b"new"


def test_a_target_that_stays_held_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_atomic(tmp_path / "data.json", b"old")
    monkeypatch.setattr(files, "_REPLACE_PATIENCE_S", 0.1)
    tries = _held(monkeypatch, float("inf"))
    with pytest.raises(PermissionError, match=r"data\.json"):
        files.write_atomic(tmp_path / "data.json", b"new")
    assert tries[0] > 1
    assert (tmp_path / "data.json").read_bytes() == b"old"
    assert names_in(tmp_path) == ["data.json"]


def test_a_reader_sees_the_old_bytes_or_the_new(tmp_path: Path) -> None:
    target, ending = tmp_path / "data.json", threading.Event()
    files.write_atomic(target, b"0" * 100_000)
    seen = set()

    def read() -> None:
        while not ending.is_set():
            raw = target.read_bytes()
            seen.add((len(raw), raw.count(raw[:1])))

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(60):
        files.write_atomic(target, str(number % 10).encode() * 100_000)
    ending.set()
    thread.join(5)
    assert seen == {(100_000, 100_000)}
