"""Faults of the writer's surroundings: strangers with locks, steps that break, late failures."""

import asyncio
import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import pytest
from books_kit import (
    a_request,
    an_outcome,
    ask,
    assert_sound,
    books_at,
    count,
    opened,
    store_of,
)

from ledger.books import sqlite_schema
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.errors import LedgerBusy, LedgerError, LedgerUnavailable


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with opened(tmp_path) as made:
        made.writer.write(a_request(made))
        yield made


@contextlib.contextmanager
def a_stranger_writing(books: Books) -> Iterator[None]:
    with engines.held(books.path.parent):
        yield


@contextlib.contextmanager
def the_lock_file_held(path: Path) -> Iterator[None]:
    """As another process does: the lock belongs to the open file."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def test_a_lone_write_gives_up_on_a_stranger_after_its_patience(books: Books) -> None:
    row = a_request(books)
    with a_stranger_writing(books):
        began = time.monotonic()
        with pytest.raises(LedgerBusy) as caught:
            books.writer.write(row, patience_s=0.3)
        assert 0.2 < time.monotonic() - began < 3
    assert books.target.name in str(caught.value)
    assert "60 s" not in str(caught.value)
    books.writer.write(a_request(books))
    assert count(books.path) == 2


@pytest.mark.one_engine  # a server is asked what it holds by the statement that waits for it
async def test_a_task_gives_up_on_a_stranger_after_its_own_patience(books: Books) -> None:
    with a_stranger_writing(books):
        began = time.monotonic()
        with pytest.raises(LedgerBusy):
            await books.writer.awrite(a_request(books), patience_s=0.3)
        assert time.monotonic() - began < 3
    await books.writer.awrite(a_request(books))
    assert count(books.path) == 2


def test_a_queued_thread_gives_up_on_a_stranger_after_its_own_patience(books: Books) -> None:
    with a_stranger_writing(books):
        books.writer.post(a_request(books))
        began = time.monotonic()
        with pytest.raises(LedgerBusy):
            books.writer.write(a_request(books), patience_s=0.3)
        assert time.monotonic() - began < 3
    books.writer.write(a_request(books))
    assert count(books.path) == 3  # the first, the posted one and the last


@pytest.mark.one_engine
def test_a_held_lock_file_makes_a_writer_give_up_and_the_unit_is_never_written(
    books: Books,
) -> None:
    abandoned = a_request(books)
    with the_lock_file_held(books.path):
        began = time.monotonic()
        with pytest.raises(LedgerBusy):
            books.writer.write(abandoned, patience_s=0.3)
        assert time.monotonic() - began < 3
    books.writer.write(a_request(books))
    books.close()
    assert ask(books.path, "SELECT 1 FROM request WHERE id = ?", abandoned.id) == []
    assert count(books.path) == 2


@pytest.mark.one_engine
async def test_a_held_lock_file_makes_a_task_give_up(books: Books) -> None:
    with the_lock_file_held(books.path), pytest.raises(LedgerBusy):
        await books.writer.awrite(a_request(books), patience_s=0.3)
    await books.writer.awrite(a_request(books))
    books.close()
    assert count(books.path) == 2


@pytest.mark.one_engine
def test_opening_a_new_ledger_behind_a_held_lock_file_gives_up_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_schema, "_PATIENCE_S", 0.3)
    with opened(tmp_path) as books:
        with the_lock_file_held(books.path), pytest.raises(LedgerBusy) as caught:
            books.writer.write(a_request(books))
        assert str(books.path) in str(caught.value)
        books.writer.write(a_request(books))
        assert count(books.path) == 1


def test_a_write_never_overtakes_what_was_posted_before_it(books: Books) -> None:
    for _ in range(400):
        request = a_request(books)
        books.writer.post(request)
        books.writer.write(an_outcome(request))
    assert count(books.path, "outcome") == 400


def test_a_step_that_ends_the_world_does_not_end_the_writer(books: Books) -> None:
    def explode(_: Transaction) -> None:
        raise SystemExit(3)

    books.writer.post(explode)
    books.writer.post(a_request(books))
    began = time.monotonic()
    asyncio.run(books.writer.awrite(a_request(books), patience_s=5))
    assert time.monotonic() - began < 4
    books.close()
    assert count(books.path) == 3


def test_a_step_that_fails_takes_nothing_along_that_came_meanwhile(books: Books) -> None:
    def explode(_: Transaction) -> None:
        books.writer.post(a_request(books))  # waits while this unit is being committed alone
        raise SystemExit(3)

    books.writer.post(explode)
    books.close()
    assert count(books.path) == 2


def test_closing_from_many_threads_leaves_a_writer_that_works(books: Books) -> None:
    for _ in range(20):
        books.writer.post(a_request(books))
        threads = [threading.Thread(target=books.close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        asyncio.run(books.writer.awrite(a_request(books), patience_s=5))
    assert count(books.path) == 41


@pytest.mark.one_engine
def test_rows_are_acknowledged_though_the_checkpoint_after_them_fails(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = books.writer._store

    def full() -> tuple[int, int, int]:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store, "checkpoint", full)
    monkeypatch.setattr("ledger.books.sqlite_store._AT_ONCE", 0)
    monkeypatch.setattr(store, "_quiet_until", 0)
    monkeypatch.setattr("ledger.books.sqlite_store._RESTART_AT", 0)
    with caplog.at_level(logging.WARNING, logger="ledger"):
        books.writer.write(a_request(books))
        asyncio.run(books.writer.awrite(a_request(books)))
    assert count(books.path) == 3
    assert "disk is full" in caplog.text


@pytest.mark.one_engine
def test_no_checkpoint_runs_without_the_lock_file_after_a_fault(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed commit closes the lock file; a checkpoint that was due must not run then."""
    store, seen = store_of(books), []
    whole = store.checkpoint

    def checkpoint() -> tuple[int, int, int]:
        seen.append(store.lock._descriptor)
        return whole()

    def full(_: Transaction) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store, "checkpoint", checkpoint)
    books.writer._checkpoint_due = True
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        asyncio.run(books.writer.awrite(full))
    books.writer.write(a_request(books))
    assert -1 not in seen
    assert_sound(books.path)


@pytest.mark.one_engine
def test_a_home_that_may_not_be_entered_is_a_typed_error_for_readers_too(tmp_path: Path) -> None:
    books = books_at(tmp_path)

    def forbidden(*_: Any, **__: Any) -> bool:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "exists", forbidden)
        with pytest.raises(LedgerError, match="Permission denied"), books.read():
            pass
