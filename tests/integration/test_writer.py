"""The writer: every row of many threads, tasks and processes, each unit whole or not at all."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from books_kit import (
    a_caller,
    a_request,
    an_outcome,
    ask,
    assert_sound,
    books_at,
    count,
    in_processes,
    opened,
)
from sqlalchemy import text

from ledger import clock
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.errors import LedgerError, LedgerUnavailable, NotFoundInLedger


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with opened(tmp_path) as made:
        yield made


def ids(books: Books, table: str = "request") -> set[str]:
    return {row[0] for row in ask(books.path, f"SELECT id FROM {table}")}


@contextlib.contextmanager
def all_waiting(books: Books) -> Iterator[None]:
    """What is posted meanwhile waits, and is then committed as one group."""
    with books.writer._turn:
        yield


def test_64_threads_of_50_units_are_all_there(books: Books) -> None:
    waits: list[float] = []

    def work(_: int) -> list[str]:
        mine = []
        for _ in range(50):
            request = a_request(books)
            began = clock.monotonic()
            books.writer.write(request, an_outcome(request, cost_pico=7))
            waits.append(clock.monotonic() - began)
            mine.append(request.id)
        return mine

    with ThreadPoolExecutor(64) as pool:
        written = [each for mine in pool.map(work, range(64)) for each in mine]
    print(f"64 threads x 50: longest wait {max(waits) * 1000:.0f} ms")
    assert len(written) == 3200
    assert ids(books) == ids(books, "outcome") == set(written)
    assert ask(books.path, "SELECT sum(cost_pico) FROM outcome") == [(3200 * 7,)]
    assert_sound(books.path)


async def test_64_tasks_of_50_units_are_all_there(books: Books) -> None:
    async def work() -> list[str]:
        mine = []
        for _ in range(50):
            request = a_request(books)
            await books.writer.awrite(request, an_outcome(request))
            mine.append(request.id)
        return mine

    written = await asyncio.gather(*(work() for _ in range(64)))
    assert ids(books) == ids(books, "outcome") == {each for mine in written for each in mine}
    assert count(books.path) == 3200


@pytest.mark.one_engine
def test_what_waits_is_committed_in_one_transaction(books: Books) -> None:
    books.writer.write(a_request(books))
    statements: list[str] = []
    books.writer._store.open().set_trace_callback(statements.append)
    with all_waiting(books):
        for _ in range(100):
            books.writer.post(a_request(books))
    books.writer.write(a_request(books))
    assert count(books.path) == 102
    assert sum(sql == "COMMIT" for sql in statements) <= 2


def test_a_bad_unit_of_a_group_falls_alone(books: Books) -> None:
    good = [a_request(books) for _ in range(150)]
    bad, with_bad = a_request(books, process_id="nobody"), a_request(books)
    errors: list[BaseException] = []

    def write_bad() -> None:
        try:
            books.writer.write(with_bad, bad)
        except LedgerError as error:
            errors.append(error)

    thread = threading.Thread(target=write_bad)
    with all_waiting(books):
        for row in good[:75]:
            books.writer.post(row)
        thread.start()
        while len(books.writer._waiting) < 76:
            time.sleep(0.001)
        for row in good[75:]:
            books.writer.post(row)
    thread.join(10)
    books.close()
    assert ids(books) == {row.id for row in good}
    assert isinstance(errors[0], LedgerUnavailable)
    assert "foreign key" in str(errors[0]).lower()


def test_a_steps_exception_undoes_its_unit_only(books: Books) -> None:
    caller = a_caller(books, "kept")

    def add_and_fail(transaction: Transaction) -> None:
        transaction.add(a_caller(books, "undone"))
        transaction.insert(a_caller(books, "undone too"))
        raise NotFoundInLedger("nothing here")

    def add_twice(transaction: Transaction) -> None:
        transaction.add(a_caller(books, "twice"))
        transaction.add(a_caller(books, "twice"))

    def keep(transaction: Transaction) -> str:
        transaction.add(caller)
        return str(transaction.connection.execute(text("SELECT name FROM caller")).scalar())

    async def together() -> list[Any]:
        write = books.writer.awrite
        works = [
            (a_request(books),), (a_caller(books, "row beside"), add_and_fail), (add_twice,),
            (keep,), (a_request(books),),
        ]  # fmt: skip
        return await asyncio.gather(*(write(*work) for work in works), return_exceptions=True)

    found = asyncio.run(together())
    assert isinstance(found[1], NotFoundInLedger)
    assert isinstance(found[2], LedgerUnavailable)
    assert [found[0], found[3], found[4]] == [None, "kept", None]
    assert ask(books.path, "SELECT name FROM caller") == [("kept",)]
    assert count(books.path) == 2
    with pytest.raises(NotFoundInLedger):  # and the same written directly
        books.writer.write(a_caller(books, "row beside"), add_and_fail)
    assert ask(books.path, "SELECT name FROM caller") == [("kept",)]


def test_the_last_steps_result_is_returned(books: Books) -> None:
    steps = [lambda _: 1, lambda _: {"two": 2}]
    assert books.writer.write(a_request(books), *steps) == {"two": 2}
    assert asyncio.run(books.writer.awrite(*steps)) == {"two": 2}
    assert books.writer.write(a_request(books)) is None


def test_steps_that_read_then_write_lose_no_update(books: Books) -> None:
    def count_up(transaction: Transaction) -> None:
        seen = transaction.connection.execute(text("SELECT count(*) FROM caller")).scalar_one()
        transaction.insert(a_caller(books, f"caller {seen}"))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: books.writer.write(count_up), range(200)))
    names = {row[0] for row in ask(books.path, "SELECT name FROM caller")}
    assert names == {f"caller {n}" for n in range(200)}


async def test_a_cancelled_tasks_unit_is_booked_and_its_outcome_comes_behind(books: Books) -> None:
    pairs = []
    with all_waiting(books):
        for _ in range(20):
            request = a_request(books)
            task = asyncio.create_task(books.writer.awrite(request))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            outcome = an_outcome(request, status="cancelled")
            books.writer.post(outcome)
            pairs.append(request.id)
    await asyncio.to_thread(books.close)
    assert ids(books) == ids(books, "outcome") == set(pairs)


def test_closing_writes_what_waits_and_the_writer_can_be_used_again(books: Books) -> None:
    rows = [a_request(books) for _ in range(500)]
    for row in rows:
        books.writer.post(row)
    books.close()
    assert ids(books) == {row.id for row in rows}
    assert not [t for t in threading.enumerate() if t.name == "ledger-writer"]
    books.writer.write(a_request(books))
    assert count(books.path) == 501


def test_a_loop_that_is_gone_does_not_stop_the_writer(books: Books) -> None:
    async def begin() -> None:
        task = asyncio.create_task(books.writer.awrite(a_request(books)))
        await asyncio.sleep(0)
        task.cancel()

    with all_waiting(books):
        asyncio.run(begin())
    books.writer.write(a_request(books))
    books.close()
    assert count(books.path) == 2


def test_a_posted_unit_that_fails_is_logged_without_its_values(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    books.writer.post(a_request(books, process_id="nobody", chain="a secret of the user"))
    books.close()
    assert "could not be booked" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.one_engine
def test_the_writing_connection_has_our_switches(books: Books) -> None:
    books.writer.write(a_request(books))
    ask_own = books.writer._store.open().execute
    wanted = {"wal_autocheckpoint": 0, "foreign_keys": 1, "synchronous": 2, "trusted_schema": 0}
    for name, value in wanted.items():
        assert ask_own(f"PRAGMA {name}").fetchone() == (value,)
    assert ask_own("PRAGMA journal_mode").fetchone() == ("wal",)
    assert books.path.stat().st_mode & 0o777 == 0o600
    for ending in ("-wal", "-shm", ".lock"):
        assert Path(f"{books.path}{ending}").stat().st_mode & 0o777 == 0o600


def test_readers_cannot_write_and_do_not_block_writers(books: Books) -> None:
    books.writer.write(a_request(books))
    with books.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 1
        books.writer.write(a_request(books), patience_s=2)
        assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 1
        with pytest.raises(Exception, match=r"read-?only"):
            connection.execute(text("INSERT INTO caller VALUES ('a', 'b', 'c', 'd', 'e')"))
    with books.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 2


def test_a_unit_of_many_rows_takes_few_statements(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.writer.write(a_request(books))
    asked = [a_request(books) for _ in range(1_000)]
    ended = [an_outcome(request) for request in asked]
    seen: list[str] = []
    real = books.writer._store.execute

    def execute(sql: str, params: Any = ()) -> Any:
        seen.append(sql)
        return real(sql, params)

    monkeypatch.setattr(books.writer._store, "execute", execute)
    books.writer.write(*(row for pair in zip(asked, ended, strict=True) for row in pair))
    assert len(seen) < 100
    assert count(books.path) == 1_001
    assert count(books.path, "outcome") == 1_000
    twice = [*(a_request(books) for _ in range(50)), asked[0]]
    with pytest.raises(LedgerError, match="insert-only"):
        books.writer.write(*twice)
    assert count(books.path) == 1_001


# --- processes ----------------------------------------------------------------------------


def _write_units(home: str, units: int) -> tuple[int, float]:
    longest = 0.0
    with opened(Path(home)) as books:
        for _ in range(units):
            request = a_request(books)
            began = clock.monotonic()
            books.writer.write(request)
            books.writer.write(an_outcome(request, cost_pico=100_000))
            longest = max(longest, clock.monotonic() - began)
    return units, longest


def test_8_processes_of_200_units_are_all_there(tmp_path: Path) -> None:
    done = in_processes(_write_units, [(str(tmp_path), 200)] * 8)
    path = tmp_path / "ledger.db"
    print(f"8 processes x 200: longest wait {max(wait for _, wait in done) * 1000:.0f} ms")
    assert sum(units for units, _ in done) == 1600
    assert count(path) == count(path, "outcome") == 1600
    assert ask(path, "SELECT cost_usd, requests FROM daily_usage") == [("0.00016", 1600)]
    assert count(path, "process") == 8
    assert_sound(path)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {kit!r})
from books_kit import a_request, books_at
books = books_at(Path({home!r}))
while True:
    request = a_request(books)
    books.writer.write(request)
    print(request.id, flush=True)
"""


def _killed_runs(home: Path, runs: int) -> set[str]:
    """Start writers, two at a time, and kill each at a random point; what they acknowledged."""
    code = KILLED.format(kit=str(Path(__file__).parent), home=str(home))
    acknowledged: set[str] = set()
    rng = random.Random(4)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    def run(pause: float) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
        ) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(pause)
            child.send_signal(signal.SIGKILL)
            lines = [first, *child.stdout.readlines()]
        acknowledged.update(line.decode().strip() for line in lines if line.endswith(b"\n"))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, [rng.random() * 0.05 for _ in range(runs)]))
    return acknowledged


@pytest.mark.parametrize("runs", [16, pytest.param(200, marks=pytest.mark.long)])
def test_killed_writers_lose_nothing_that_they_acknowledged(tmp_path: Path, runs: int) -> None:
    acknowledged = _killed_runs(tmp_path, runs)
    path = tmp_path / "ledger.db"
    stored = {row[0] for row in ask(path, "SELECT id FROM request")}
    assert len(acknowledged) >= runs
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= runs  # at most the one that each was about to tell
    assert_sound(path)
    with opened(tmp_path) as books:
        books.writer.write(a_request(books))


@pytest.mark.one_engine
def test_a_stranger_with_sqlite_reads_the_books_meanwhile(books: Books) -> None:
    books.writer.write(a_request(books))
    with contextlib.closing(sqlite3.connect(f"file:{books.path}?mode=ro", uri=True)) as reader:
        for number in range(5):
            assert reader.execute("SELECT count(*) FROM request_status").fetchone() == (number + 1,)
            books.writer.write(a_request(books))
    assert books_at(books.path.parent).path == books.path
