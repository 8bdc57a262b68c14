"""Our own checkpoints: only under the lock, never half done; and the log stays short."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from books_kit import (
    a_request,
    ask,
    assert_sound,
    books_at,
    count,
    in_processes,
    opened,
    store_of,
)
from sqlalchemy import text

from ledger import clock

pytestmark = pytest.mark.one_engine  # about a SQLite file

MIB = 1024 * 1024
BULKY = "x" * 900


def log_size(path: Path) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _write_for(home: str, seconds: float) -> tuple[str, int]:
    until, units = clock.monotonic() + seconds, 0
    with opened(Path(home)) as books:
        while clock.monotonic() < until:
            books.writer.write(a_request(books, config_applied=BULKY))
            units += 1
    return "written", units


def _checkpoint_for(home: str, seconds: float) -> tuple[str, list[tuple[int, int, int]]]:
    until, seen = clock.monotonic() + seconds, []
    with opened(Path(home)) as books:
        books.writer.write(a_request(books))
        while clock.monotonic() < until:
            seen.append(books.writer.checkpoint())
            clock.sleep(0.0005)
    return "checkpoints", seen


def _work(kind: str, home: str, seconds: float) -> tuple[str, object]:
    work: Callable[[str, float], tuple[str, object]] = (
        _checkpoint_for if kind == "checkpoint" else _write_for
    )
    return work(home, seconds)


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.long)])
def test_no_checkpoint_beside_8_writers_is_ever_busy_with_frames_copied(
    tmp_path: Path, seconds: float
) -> None:
    jobs = [("checkpoint", str(tmp_path), seconds)] + [("write", str(tmp_path), seconds)] * 8
    done = in_processes(_work, jobs)
    path = tmp_path / "ledger.db"
    (checkpoints,) = (seen for kind, seen in done if kind == "checkpoints")
    written = sum(units for kind, units in done if kind == "written")
    print(f"{len(checkpoints)} checkpoints beside {written} units")
    assert len(checkpoints) > 20
    assert any(copied > 0 for _, _, copied in checkpoints)
    assert [row for row in checkpoints if row[0] and row[2] > 0] == []
    assert [row for row in checkpoints if row[0]] == []  # nobody reads, so none is busy at all
    assert count(path) == written + 1
    assert_sound(path)


def test_the_log_stays_below_16_mib_while_60_are_written(tmp_path: Path) -> None:
    ending, peak = threading.Event(), [0]
    with opened(tmp_path) as books:
        books.writer.write(a_request(books))

        def watch() -> None:
            while not ending.is_set():
                peak[0] = max(peak[0], log_size(books.path))
                time.sleep(0.001)

        watcher = threading.Thread(target=watch)
        watcher.start()
        row = "x" * 3000

        def write(_: int) -> None:
            for _ in range(330):
                books.writer.write(*(a_request(books, config_applied=row) for _ in range(8)))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ending.set()
        watcher.join()
        assert count(books.path) == 1 + 8 * 330 * 8
        size = books.path.stat().st_size
    print(f"{size / MIB:.0f} MiB written, log at most {peak[0] / MIB:.1f} MiB")
    assert size > 40 * MIB
    assert 1 * MIB < peak[0] < 16 * MIB


def test_a_lone_writers_log_is_restarted_too(tmp_path: Path) -> None:
    with opened(tmp_path) as books:
        peak = 0
        for _ in range(1200):
            books.writer.write(*(a_request(books, config_applied=BULKY) for _ in range(12)))
            peak = max(peak, log_size(books.path))
        assert 1 * MIB < peak < 16 * MIB
        assert books.path.stat().st_size > 10 * MIB


def test_a_held_reader_stops_no_writer_and_the_log_shrinks_after_it(tmp_path: Path) -> None:
    with opened(tmp_path) as books:
        books.writer.write(a_request(books))

        def write_some() -> None:
            for _ in range(400):
                rows = (a_request(books, config_applied=BULKY) for _ in range(40))
                books.writer.write(*rows, patience_s=5)

        with books.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 1
            write_some()
            assert log_size(books.path) > 16 * MIB
            busy, _, _ = books.writer.checkpoint()
            assert busy == 1
            assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 1
        write_some()
        assert log_size(books.path) < 16 * MIB
        assert books.writer.checkpoint()[0] == 0
        assert count(books.path) == 1 + 2 * 400 * 40
        assert_sound(books.path)


def test_sqlite_never_checkpoints_by_itself(tmp_path: Path) -> None:
    """1,000 pages (4 MB) are SQLite's own mark: past it the file itself has not grown."""
    with opened(tmp_path) as books:
        books.writer.write(a_request(books))
        store_of(books)._quiet_until = 64 * MIB  # and ours is put off
        before = books.path.stat().st_size
        for _ in range(100):
            books.writer.write(*(a_request(books, config_applied=BULKY) for _ in range(80)))
        assert log_size(books.path) > 6 * MIB
        assert books.path.stat().st_size == before


def test_the_mark_of_the_last_checkpoint_is_shared(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        one.writer.write(*(a_request(one, config_applied=BULKY) for _ in range(500)))
        one.writer.checkpoint()
        other = books_at(tmp_path)
        other.writer.write(a_request(other))
        assert store_of(other).lock.read_mark() == store_of(one).lock.read_mark() > 0
        other.close()
    assert ask(tmp_path / "ledger.db", "SELECT count(*) FROM request") == [(501,)]
