"""Forks: no connection crosses one, no row is lost or doubled by one."""

import contextlib
import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from books_kit import a_request, ask, assert_sound, count, opened
from sqlalchemy import text

from ledger.books.books import Books
from ledger.books.ids import new_id
from ledger.errors import LedgerUnavailable

pytestmark = [
    # What is tested is what such a program is warned of: it forks while threads run.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork"),
]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with opened(tmp_path) as made:
        made.writer.write(a_request(made))
        yield made


def forked(work: Callable[[], None]) -> int:
    """Fork a child that does the work; its exit status is 0 only if the work raised nothing."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - the child must not run on into the test suite
        traceback.print_exc()
    finally:
        os._exit(status)


def ended_well(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def descriptors_on(folder: Path) -> list[str]:
    """What this process holds open below a folder."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them is gone by then
            found.append(str(entry.readlink()))
    return [name for name in found if name.startswith(f"{folder}{os.sep}")]


def test_a_fork_in_the_middle_of_group_commits_loses_and_doubles_nothing(books: Books) -> None:
    ending, booked, marks = threading.Event(), [0] * 6, [0] * 20

    def keep_writing(mine: int) -> None:
        while not ending.is_set():
            books.writer.write(a_request(books, source="parent"))
            booked[mine] += 1

    def write_some() -> None:
        for _ in range(5):
            books.writer.write(a_request(books, source="child"))
        books.close()

    threads = [threading.Thread(target=keep_writing, args=(n,)) for n in range(len(booked))]
    for thread in threads:
        thread.start()
    children = []
    for _ in marks:
        time.sleep(0.02)
        children.append(forked(write_some))
    well = [ended_well(pid) for pid in children]
    ending.set()
    for thread in threads:
        thread.join(30)
    books.close()
    assert well == [True] * len(marks)
    by_source = dict(ask(books.path, "SELECT source, count(*) FROM request GROUP BY source"))
    assert by_source == {"test": 1, "parent": sum(booked), "child": 5 * len(marks)}
    assert count(books.path, "process") == 1 + len(marks)
    assert_sound(books.path)


@pytest.mark.one_engine
def test_the_child_inherits_no_descriptor_of_the_database(books: Books) -> None:
    with books.read() as connection:
        connection.execute(text("SELECT 1"))
    assert descriptors_on(books.path.parent)

    def look() -> None:
        assert descriptors_on(books.path.parent) == []

    assert ended_well(forked(look))


def test_a_fork_waits_for_a_reader_in_another_thread(books: Books) -> None:
    reading, seen = threading.Event(), []

    def read_slowly() -> None:
        with books.read() as connection:
            connection.execute(text("SELECT 1"))
            reading.set()
            time.sleep(0.4)
            seen.append(connection.execute(text("SELECT count(*) FROM request")).scalar())

    thread = threading.Thread(target=read_slowly)
    thread.start()
    reading.wait(5)

    def look() -> None:
        assert descriptors_on(books.path.parent) == []
        books.writer.write(a_request(books))
        books.close()

    assert ended_well(forked(look))
    thread.join(5)
    assert seen == [1]
    assert count(books.path) == 2


def test_a_fork_inside_a_read_closes_that_reader_rather_than_lose_rows(books: Books) -> None:
    def write_one() -> None:
        assert descriptors_on(books.path.parent) == []
        books.writer.write(a_request(books))
        books.close()

    with pytest.raises(LedgerUnavailable, match="fork"), books.read() as connection:  # noqa: PT012 - a whole read
        connection.execute(text("SELECT 1"))
        pid = forked(write_one)
        connection.execute(text("SELECT 1"))
    assert ended_well(pid)
    with books.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 2
    assert_sound(books.path)


def test_what_waits_in_the_parents_queue_is_not_written_by_the_child(books: Books) -> None:
    rows = [a_request(books, source="queued") for _ in range(200)]
    for row in rows:
        books.writer.post(row)

    def write_one() -> None:
        books.writer.write(a_request(books, source="child"))
        books.close()

    assert ended_well(forked(write_one))
    books.close()
    by_source = dict(ask(books.path, "SELECT source, count(*) FROM request GROUP BY source"))
    assert by_source == {"test": 1, "queued": 200, "child": 1}


_inherited: list[Books] = []


def _write_inherited(source: str) -> str:
    books = _inherited[0]
    books.writer.write(a_request(books, source=source))
    return books.process.id


def test_a_multiprocessing_fork_pool_books_its_rows(books: Books) -> None:
    _inherited[:] = [books]
    try:
        with multiprocessing.get_context("fork").Pool(4) as pool:
            ids = pool.map(_write_inherited, [f"task {n}" for n in range(40)])
    finally:
        _inherited.clear()
    books.writer.write(a_request(books))
    assert books.process.id not in ids
    assert count(books.path) == 42
    assert_sound(books.path)


def test_parent_and_child_make_different_ids() -> None:
    inside, outside = os.pipe()
    mine = {new_id() for _ in range(100)}

    def tell() -> None:
        os.write(outside, ",".join(new_id() for _ in range(500)).encode())

    pid = forked(tell)
    mine |= {new_id() for _ in range(500)}
    assert ended_well(pid)
    theirs = set(os.read(inside, 1 << 16).decode().split(","))
    os.close(inside)
    os.close(outside)
    assert len(theirs) == 500
    assert not mine & theirs


def test_books_made_while_a_fork_begins_do_not_break_it(books: Books, tmp_path: Path) -> None:
    ending = threading.Event()

    def keep_making() -> None:
        while not ending.is_set():
            with opened(tmp_path / "other") as other:
                assert other.path.name == "ledger.db"

    thread = threading.Thread(target=keep_making)
    thread.start()
    children = [forked(lambda: None) for _ in range(30)]
    ending.set()
    thread.join(10)
    assert all(ended_well(pid) for pid in children)
    books.writer.write(a_request(books))
    assert count(books.path) == 2
