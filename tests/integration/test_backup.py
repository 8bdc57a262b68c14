"""Backups: online, verified, private, and never half there."""

import stat
import threading
from pathlib import Path

import pytest
from books_kit import a_request, ask, assert_sound, books_at, count, opened

from ledger.books import backup as module
from ledger.books import rollups
from ledger.books.backup import backup
from ledger.errors import BackupFailed

pytestmark = pytest.mark.one_engine  # about a SQLite file


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    with opened(tmp_path / "home") as books:
        books.writer.write(*(a_request(books) for _ in range(50)))
        return books.path


def test_a_backup_beside_writers_is_whole(ledger: Path, tmp_path: Path) -> None:
    books, ending = books_at(ledger.parent), threading.Event()

    def keep_writing() -> None:
        while not ending.is_set():
            books.writer.write(*(a_request(books) for _ in range(3)))

    thread = threading.Thread(target=keep_writing)
    thread.start()
    made = [backup(ledger, tmp_path / f"{number}.db") for number in range(5)]
    ending.set()
    thread.join(10)
    books.close()
    for each in made:
        assert_sound(each.path)
        assert each.requests == count(each.path)
        assert each.requests is not None
        assert (each.requests - 50) % 3 == 0  # units of three are there whole
        assert each.size == each.path.stat().st_size
        assert stat.S_IMODE(each.path.stat().st_mode) == 0o600
    assert count(ledger) >= (made[-1].requests or 0)


def test_a_backup_is_one_file_that_opens_as_a_ledger(ledger: Path, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "copy" / "ledger.db")
    assert names_in(tmp_path / "copy") == ["ledger.db"]
    with opened(tmp_path / "copy") as books:
        books.writer.write(a_request(books))
    assert count(tmp_path / "copy" / "ledger.db") == 51
    assert count(ledger) == 50


def test_a_backup_holds_what_is_only_in_the_log_yet(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as books:
        books.writer.write(a_request(books))
        assert Path(f"{books.path}-wal").stat().st_size > 0
        assert backup(books.path, tmp_path / "copy.db").requests == 1


def test_a_ledger_whose_sums_are_kept_is_as_whole_as_another(ledger: Path, tmp_path: Path) -> None:
    with opened(ledger.parent) as books:
        assert rollups.fold(books)
    assert backup(ledger, tmp_path / "copy.db").requests == 50
    assert_sound(tmp_path / "copy.db")


def test_nothing_that_is_there_is_replaced(ledger: Path, tmp_path: Path) -> None:
    taken = tmp_path / "mine.db"
    taken.write_text("mine", "utf-8")
    with pytest.raises(BackupFailed, match="exists already"):
        backup(ledger, taken)
    assert taken.read_text("utf-8") == "mine"
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nowhere.db")
    with pytest.raises(BackupFailed, match="exists already"):
        backup(ledger, link)
    assert not (tmp_path / "nowhere.db").exists()


def test_no_ledger_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="no ledger"):
        backup(tmp_path / "ledger.db", tmp_path / "copy.db")
    assert names_in(tmp_path) == []


def test_a_backup_that_fails_leaves_no_litter(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        for ending in ("-wal", "-shm", "-journal"):
            Path(f"{path}{ending}").write_bytes(b"left by a crash of the copy")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(module, "_sync", broken)
    target = tmp_path / "there" / "copy.db"
    with pytest.raises(BackupFailed, match="No space left") as caught:
        backup(ledger, target)
    assert str(target) in str(caught.value)
    assert names_in(target.parent) == []


def test_a_damaged_ledger_gives_no_backup(ledger: Path, tmp_path: Path) -> None:
    raw = bytearray(ledger.read_bytes())
    (page_size,) = ask(ledger, "PRAGMA page_size")[0]
    for page in range(3, len(raw) // page_size):
        raw[page * page_size : page * page_size + 16] = b"\xff" * 16
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(raw)
    with pytest.raises(BackupFailed):
        backup(damaged, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
