"""The stack of connections, under threads that take what others look at."""

import threading
from collections import deque
from typing import Any

import httpx
import pytest

from ledger import clock
from ledger.calls.pool import Pool, _Connection
from ledger.calls.route import KEEPALIVE_S

URL = httpx.URL("http://127.0.0.1:9/api/v1")


class Snatched(deque[Any]):
    """Another thread takes what was just put there."""

    def append(self, item: Any) -> None:
        super().append(item)
        self.clear()


def closed_ones(monkeypatch: pytest.MonkeyPatch) -> list[_Connection]:
    """The connections that are closed from here on."""
    closed: list[_Connection] = []

    def close(connection: _Connection) -> None:
        closed.append(connection)

    monkeypatch.setattr(_Connection, "close", close)
    return closed


def test_a_connection_taken_at_once_by_another_thread_is_no_error() -> None:
    pool = Pool(max_connections=1)
    pool._idle = Snatched()
    pool._free.get(timeout=1)
    pool.give_back(_Connection(URL), whole=True)
    pool._free.get_nowait()


def test_who_waits_finds_the_connection_that_was_given_back() -> None:
    pool = Pool(max_connections=1)
    pool._free.get(timeout=1)
    seen: list[int] = []

    def wait() -> None:
        pool._free.get(timeout=5)
        seen.append(len(pool._idle))

    thread = threading.Thread(target=wait)
    thread.start()
    pool.give_back(_Connection(URL), whole=True)
    thread.join()
    assert seen == [1]


def test_connections_idle_for_too_long_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(max_connections=3)
    closed = closed_ones(monkeypatch)
    connections = [_Connection(URL) for _ in range(3)]
    for each in connections:
        pool._free.get_nowait()
        pool.give_back(each, whole=True)
    assert closed == []
    connections[0].idle_since = connections[1].idle_since = clock.monotonic() - KEEPALIVE_S - 1
    pool._free.get_nowait()
    pool.give_back(pool._idle.pop(), whole=True)
    assert closed == connections[:2]


def test_a_connection_with_an_answer_in_it_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(max_connections=1)
    closed = closed_ones(monkeypatch)
    pool._free.get_nowait()
    connection = _Connection(URL)
    pool.give_back(connection, whole=False)
    assert (closed, list(pool._idle)) == ([connection], [])
