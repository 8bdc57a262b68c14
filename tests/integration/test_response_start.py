"""The id of an answer that has begun is in the books: what breaks off later can be settled."""

import asyncio
import contextlib
import datetime as dt
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import pytest
from alembic import command
from alembic.config import Config
from books_kit import (
    MOMENT,
    a_generation,
    a_request,
    an_attempt,
    an_outcome,
    ask,
    assert_sound,
    full_rows,
    opened,
    plain,
    target_of,
)
from callkit import DRIVERS, KEY, call, count, only, open_ledger, rows
from foreignkit import FAMILIES, async_client, client
from rawserver import RawServer, read_request

from ledger import clock
from ledger.books import migrate
from ledger.books.books import Books
from ledger.books.models import ResponseStart
from ledger.client import Ledger
from ledger.sandbox import Sandbox
from ledger.settlement.pending import pending

MODEL = "openai/gpt-4o-mini"
PATH = "/chat/completions"
HEADERS = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def books(home: Path) -> Iterator[Books]:
    with opened(home) as made:
        yield made


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(generation_delay_s=0) as running:
        yield running


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as made:
        yield made


def a_start(request: Any, generation_id: str = "gen-1") -> ResponseStart:
    return ResponseStart(id=request.id, at=MOMENT, generation_id=generation_id)


# --- the schema ---------------------------------------------------------------------------


@pytest.mark.one_engine
def test_a_ledger_of_the_version_before_gets_the_table_and_keeps_its_rows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    path = home / "ledger.db"
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    command.upgrade(config, "0003")
    tables = {row[0] for row in ask(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "response_start" not in tables
    _insert_what_fits(path, tables)
    before = {table: ask(path, f"SELECT * FROM {table}") for table in tables}
    assert len(before["request"]) == len(before["outcome"]) == 1
    done = migrate.upgrade(target_of(home))
    assert (done.before, done.after) == ("0003", migrate.HEAD)
    assert done.backup is not None
    for table in tables - {"alembic_version"}:
        columns = [row[1] for row in ask(done.backup, f"PRAGMA table_info({table})")]
        assert ask(path, f"SELECT {', '.join(columns)} FROM {table}") == before[table], table
    with opened(home) as books:
        request = a_request(books)
        books.writer.write(request, a_start(request))
    found = rows(home, "select status, cost_grade from request_status order by started_at desc")
    assert {"status": "open", "cost_grade": "pending"} in found
    with plain(path) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("DELETE FROM response_start")
    assert_sound(path)


def _insert_what_fits(path: Path, tables: set[str]) -> None:
    """A full row of every table that there is, in the columns that there are."""
    with plain(path) as connection:
        for row in full_rows():
            table = str(row.__tablename__)
            if table not in tables:
                continue
            known = [each[1] for each in connection.execute(f"PRAGMA table_info({table})")]
            values = row.model_dump()
            texts = {
                name: value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                if isinstance(value, dt.datetime)
                else value
                for name, value in values.items()
            }
            places = ", ".join("?" * len(known))
            connection.execute(
                f"INSERT INTO {table} VALUES ({places})", [texts[name] for name in known]
            )


# --- the views ----------------------------------------------------------------------------


def grades(home: Path) -> list[tuple[Any, ...]]:
    found = rows(
        home,
        "select status, cost_grade, generation_id, cost_pico from request_status order by id",
    )
    return [tuple(row.values()) for row in found]


def test_an_open_request_with_a_start_is_pending_and_unsettled(books: Books, home: Path) -> None:
    request = a_request(books)
    books.writer.write(request, a_start(request))
    assert grades(home) == [("open", "pending", "gen-1", None)]
    found = only(home, "select id, ended_at, generation_id, cost_grade from unsettled_requests")
    assert tuple(found.values()) == (request.id, None, "gen-1", "pending")


def test_it_is_settled_by_its_record_and_stays_open(books: Books, home: Path) -> None:
    request = a_request(books)
    books.writer.write(request, a_start(request), a_generation(books, "gen-1", 42))
    assert grades(home) == [("open", "settled", "gen-1", 42)]
    assert count(home, "unsettled_requests") == 0
    assert only(home, "select id, cost_pico from generation_metrics") == {
        "id": request.id,
        "cost_pico": 42,
    }


def test_it_is_unknown_once_it_is_given_up(books: Books, home: Path) -> None:
    request = a_request(books)
    books.writer.write(request, a_start(request), an_attempt(books, "gen-1", "given_up"))
    assert grades(home) == [("open", "unknown", "gen-1", None)]
    assert count(home, "unsettled_requests") == 0


def test_an_outcome_says_all_and_the_start_nothing_more(books: Books, home: Path) -> None:
    request = a_request(books)
    outcome = an_outcome(request, cost_pico=7, generation_id="gen-2")
    books.writer.write(request, a_start(request), outcome)
    assert grades(home) == [("finished", "reported", "gen-2", 7)]
    assert only(home, "select generation_id from unsettled_requests")["generation_id"] == "gen-2"


def test_one_record_is_one_charge_also_for_answers_without_an_end(books: Books, home: Path) -> None:
    requests = [a_request(books) for _ in range(4)]
    books.writer.write(
        *requests,
        a_start(requests[0]),
        an_outcome(requests[1], generation_id="gen-1", cost_grade="pending"),
        a_start(requests[2]),
        a_start(requests[3]),
        an_outcome(requests[3], generation_id="gen-1", cost_pico=9),
        a_generation(books, "gen-1", 9),
    )
    assert [row[1] for row in grades(home)] == ["settled", "unknown", "unknown", "reported"]
    assert only(home, "select sum(cost_pico) as n from request_status where id = ?", requests[0].id)


def test_tries_count_from_the_requests_own_deadline(books: Books) -> None:
    long = a_request(books, timeout_ms=30_000)
    unlimited = a_request(books)
    ended = a_request(books, timeout_ms=30_000)
    books.writer.write(
        long,
        unlimited,
        ended,
        a_start(long, "gen-1"),
        a_start(unlimited, "gen-2"),
        a_start(ended, "gen-3"),
        an_outcome(ended, generation_id="gen-3", cost_grade="pending"),
    )
    with books.read() as connection:
        waits = {each.generation_id: each for each in pending(connection)}
    after = {name: (each.since - MOMENT).total_seconds() for name, each in waits.items()}
    assert after == {"gen-1": 30, "gen-2": 600, "gen-3": 0}
    assert [each.is_open for each in waits.values()] == [True, True, False]


# --- the rows -----------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_body_that_begins_with_whitespace_has_its_start_booked(
    ledger: Ledger, home: Path, driver: str
) -> None:
    call(ledger, driver, model="sandbox/keepalive")
    ledger.close()
    found = only(
        home,
        "select s.*, o.generation_id as last from response_start s join outcome o on o.id = s.id",
    )
    assert found["generation_id"] == found["last"]
    assert found["latency_ms"] >= 0


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("model", [MODEL, "sandbox/keepalive,no-header-id", "sandbox/error-500"])
def test_an_ordinary_answer_has_none(ledger: Ledger, home: Path, driver: str, model: str) -> None:
    with contextlib.suppress(Exception):
        call(ledger, driver, model=model)
    ledger.close()
    assert count(home, "outcome") == 1
    assert count(home, "response_start") == 0


STREAM = (
    b'data: {"id":"gen-s","model":"m","choices":[{"index":0,"delta":{"content":"One"}}]}\n\n',
    (
        b'data: {"id":"gen-s","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,'
        b'"total_tokens":2,"cost":0.25}}\n\ndata: [DONE]\n\n'
    ),
)


def streaming(header: str, home: Path, seen: list[Any]) -> Any:
    """Serves a stream in two parts, and looks into the books between them."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{header}\r\n"
        connection.sendall(head.encode() + STREAM[0])
        until = clock.monotonic() + 5
        while not (found := rows(home, "select generation_id from response_start")):
            if clock.monotonic() > until:
                break
            clock.sleep(0.01)
        seen.extend(found)
        connection.sendall(STREAM[1])

    return serve


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("header", ["X-Generation-Id: gen-s\r\n", ""])
def test_a_foreign_stream_has_its_start_in_the_books_before_it_ends(
    home: Path, family: str, driver: str, header: str
) -> None:
    seen: list[Any] = []
    asked = {"json": {"model": MODEL, "stream": True}, "headers": HEADERS}

    async def main(ledger: Ledger) -> bytes:
        async with async_client(ledger, family) as made, made.stream("POST", PATH, **asked) as got:
            return b"".join([chunk async for chunk in got.aiter_raw()])

    with (
        RawServer(streaming(header, home, seen)) as server,
        open_ledger(home, server.base_url) as ledger,
    ):
        ledger.books.writer.write()
        if driver == "async":
            body = asyncio.run(main(ledger))
        else:
            with client(ledger, family) as made, made.stream("POST", PATH, **asked) as got:
                body = b"".join(got.iter_raw())
    assert body == b"".join(STREAM)
    assert seen == [{"generation_id": "gen-s"}]
    found = only(home, "select status, cost_grade, cost_pico, prompt_tokens, model from outcome")
    assert tuple(found.values()) == ("finished", "reported", 250_000_000_000, 1, "m")


def test_a_start_that_cannot_be_booked_is_logged_and_the_stream_goes_on(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Generation-Id: gen-s\r\n\r\n"
        )
        connection.sendall(head + b"".join(STREAM))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        ledger.books.writer.write()
        engines.refuse(home, "response_start")
        with client(ledger, "httpx") as made:
            assert made.post(PATH, json={"stream": True}).content == b"".join(STREAM)
    assert "could not be booked" in caplog.text
    assert only(home, "select status from outcome")["status"] == "finished"
