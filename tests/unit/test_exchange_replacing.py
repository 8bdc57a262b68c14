import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.books.lockfile import fcntl
from ledger.exchange.replacing import clear_litter, replace_where_different


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize(
    "old",
    [b"", b"a", b"abcdef", b"abcXef", b"abcdefgh", b"Xbcdefg", b"abcdef" * 300_000],
    ids=["empty", "shorter", "cut", "middle", "longer", "first", "long"],
)
def test_whatever_was_there_the_new_bytes_are_there_whole(tmp_path: Path, old: bytes) -> None:
    target = tmp_path / "data.json"
    target.write_bytes(old)
    assert replace_where_different(target, [b"abc", b"", b"def", b"g"])
    assert target.read_bytes() == b"abcdefg"
    assert _names(tmp_path) == ["data.json"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_the_same_bytes_are_not_written_again(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    assert replace_where_different(target, [b"abc", b"def"])
    before = target.stat()
    assert not replace_where_different(target, [b"abcd", b"ef"])
    after = target.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"new")
    target = tmp_path / "data.json"
    target.symlink_to(precious)
    assert replace_where_different(target, [b"new"])
    assert not target.is_symlink()
    assert precious.read_bytes() == b"new"
    assert replace_where_different(target, [b"newer"])
    assert precious.read_bytes() == b"new"


def test_a_dangling_link_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    target.symlink_to(tmp_path / "nowhere")
    assert replace_where_different(target, [b"new"])
    assert target.read_bytes() == b"new"
    assert _names(tmp_path) == ["data.json"]


def test_a_hard_links_other_name_keeps_the_old_content(tmp_path: Path) -> None:
    precious, target = tmp_path / "precious", tmp_path / "data.json"
    precious.write_bytes(b"old")
    os.link(precious, target)
    assert replace_where_different(target, [b"new"])
    assert (precious.read_bytes(), target.read_bytes()) == (b"old", b"new")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no named pipes")
def test_a_pipe_at_the_target_does_not_hold_it_up(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    os.mkfifo(target)
    assert replace_where_different(target, [b"new"])
    assert target.read_bytes() == b"new"


def test_a_source_that_fails_half_way_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    target.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("the source failed")

    with pytest.raises(RuntimeError):
        replace_where_different(target, chunks())
    assert target.read_bytes() == b"old"
    assert _names(tmp_path) == ["data.json"]


def test_a_replace_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "data.json"
    target.write_bytes(b"old")

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        replace_where_different(target, [b"new"])
    assert target.read_bytes() == b"old"
    assert _names(tmp_path) == ["data.json"]


@pytest.mark.skipif(fcntl is None, reason="the platform has no such locks")
def test_only_the_litter_of_the_dead_is_cleared(tmp_path: Path) -> None:
    target = tmp_path / "data.json"
    dead = tmp_path / ".data.json.export-dead.tmp"
    living = tmp_path / ".data.json.export-living.tmp"
    others = tmp_path / ".data.json.made-by-others.tmp"
    for each in (dead, living, others):
        each.write_bytes(b"half")
    with living.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        clear_litter(target)
        assert _names(tmp_path) == [living.name, others.name]
    clear_litter(target)
    assert _names(tmp_path) == [others.name]


def test_without_kernel_locks_it_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.exchange import replacing

    monkeypatch.setattr(replacing, "fcntl", None)
    target = tmp_path / "data.json"
    assert replace_where_different(target, [b"old"])
    assert replace_where_different(target, [b"new"])
    (tmp_path / ".data.json.export-dead.tmp").write_bytes(b"half")
    clear_litter(target)
    assert _names(tmp_path) == ["data.json"]
