"""A server that is not there, is lost, or lets others go first: typed errors, and nothing twice."""

import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import engines
import pgserver
import pytest
from books_kit import a_caller, a_request, an_outcome, in_processes
from callkit import call, failure, open_ledger
from cutproxy import CutProxy
from sqlalchemy import func, select

from ledger.books import process
from ledger.books.advisory import SETTLING, AdvisoryLock
from ledger.books.base import metadata
from ledger.books.books import Books
from ledger.books.models import Caller, Request
from ledger.books.postgres_store import PostgresStore
from ledger.books.target import Target
from ledger.books.unit import Step, Transaction
from ledger.client import Ledger
from ledger.errors import BackupFailed, LedgerBusy, LedgerError, LedgerUnavailable
from ledger.sandbox.server import Sandbox

pytestmark = pytest.mark.one_engine  # about a server

REBUILDABLE = [name for name, table in metadata.tables.items() if table.info.get("rebuildable")]
PASSWORD = "canary-password-7731"


@pytest.fixture
def database(postgres: pgserver.Server) -> Iterator[str]:
    name = f"faults_{engines.unique()}"
    postgres.create(name, engines.TEMPLATE)
    yield name
    postgres.drop(name)


@pytest.fixture
def target(postgres: pgserver.Server, database: str) -> Target:
    return at(postgres.url(database))


@pytest.fixture
def books(target: Target) -> Iterator[Books]:
    made = Books(target, process.describe)
    yield made
    made.close()


def at(url: str) -> Target:
    return engines.at(Path("/nowhere"), url)


def ask(postgres: pgserver.Server, database: str, sql: str) -> list[tuple[Any, ...]]:
    with postgres.connect(database) as connection:
        cursor = connection.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def refused(target: Target) -> LedgerError:
    """The error of a first write."""
    books = Books(target, process.describe)
    began = time.monotonic()
    try:
        with pytest.raises(LedgerError) as caught:
            books.writer.write(a_request(books))
    finally:
        books.close()
    assert time.monotonic() - began < 15, "nobody waits for what never was there"
    return caught.value


# --- what is wrong with the address -------------------------------------------------------


def test_a_server_that_is_down_is_said_at_once(postgres: pgserver.Server) -> None:
    error = refused(at(f"postgresql://ledger:{PASSWORD}@127.0.0.1:1/ledger"))
    assert type(error) is LedgerUnavailable
    assert "cannot be reached" in str(error)
    assert "Check that the server runs" in str(error)


def test_a_wrong_password_is_said_and_never_printed(
    postgres: pgserver.Server, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for url in (
        f"postgresql://ledger:{PASSWORD}@127.0.0.1:{postgres.port}/{database}",
        f"postgresql://ledger@127.0.0.1:{postgres.port}/{database}?password={PASSWORD}",
    ):
        found = at(url)
        error = refused(found)
        assert "user and password of LEDGER_URL" in str(error)
        shown = [
            str(error),
            repr(error),
            repr(error.__cause__),
            found.name,
            repr(found),
            caplog.text,
        ]
        with Ledger(home="/nowhere", url=url, background=False) as ledger:
            shown.append(repr(ledger))
        assert PASSWORD not in "".join(shown)


def test_a_missing_database_is_said(postgres: pgserver.Server) -> None:
    error = refused(at(postgres.url("nobody_made_it")))
    assert "nobody_made_it" in str(error)
    assert "createdb" in str(error)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:{pw}@h:port/x", "not a database URL"),
        ("postgresql://ledger:{pw}@127.0.0.1/x?no_such_option=1", "no_such_option"),
        ("mysql://u:{pw}@h/x", "does not speak"),
        ("postgresql://u:{pw}@no-such-host.invalid/x", "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_one_is_said_without_its_password(url: str, words: str) -> None:
    try:
        error = refused(at(url.format(pw=PASSWORD)))
    except LedgerUnavailable as found:  # no URL at all
        error = found
    assert re.search(words, str(error))
    assert PASSWORD not in str(error) + repr(error.__cause__)


def test_a_standby_is_named_at_once(postgres: pgserver.Server, database: str) -> None:
    ask(postgres, "postgres", f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    error = refused(at(postgres.url(database)))
    assert "read-only standby" in str(error)
    assert "target_session_attrs=read-write" in str(error)
    books = Books(at(postgres.url(database)), process.describe)
    with books.read() as connection:  # for reading it does
        assert connection.execute(select(func.count()).select_from(Request)).scalar() == 0
    books.close()


def test_a_user_without_rights_is_told_so(postgres: pgserver.Server, database: str) -> None:
    role = f"guest_{engines.unique()}"
    ask(postgres, database, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    try:
        url = f"postgresql://{role}:{PASSWORD}@127.0.0.1:{postgres.port}/{database}"
        error = refused(at(url))
        assert "permission denied" in str(error)
        assert "Grant" in str(error)
        ask(postgres, database, f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}")
        no_facts = ", ".join(REBUILDABLE)
        ask(postgres, database, f"GRANT UPDATE, DELETE ON {no_facts} TO {role}")
        books = Books(at(url), process.describe)
        books.writer.write(lambda transaction: transaction.add(a_request(books)))
        books.close()  # who may change no fact can keep the books
    finally:
        ask(postgres, database, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_without_the_driver_the_extra_is_named(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "psycopg", None)
        error = refused(target)
    assert "openrouter-ledger[postgres]" in str(error)


def test_a_backup_is_left_to_the_servers_own_tools(target: Target, tmp_path: Path) -> None:
    with (
        Ledger(home=tmp_path, url=target.url.render_as_string(hide_password=False)) as ledger,
        pytest.raises(BackupFailed, match="pg_dump"),
    ):
        ledger.backup(tmp_path / "copy.db")


def test_an_error_shows_no_values_of_a_row(books: Books) -> None:
    books.writer.write(a_request(books))
    with pytest.raises(LedgerUnavailable) as caught:
        books.writer.write(a_request(books, process_id="nobody", chain="a secret of the user"))
    assert "foreign key" in str(caught.value)
    shown = str(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert "secret" not in shown
    assert "nobody" not in shown


# --- others go first ----------------------------------------------------------------------


def _take_one(url: str, limit: int, tries: int) -> int:
    """Insert a caller where there are fewer than the limit: check, then act."""
    books, granted = Books(at(url), process.describe), 0
    for _ in range(tries):
        row = a_caller(books, engines.unique())

        def step(transaction: Transaction, row: Caller = row) -> bool:
            count = select(func.count()).select_from(Caller)
            if int(transaction.connection.execute(count).scalar_one()) >= limit:
                return False
            transaction.add(row)
            return True

        granted += bool(books.writer.write(step))
    books.close()
    return granted


@pytest.mark.parametrize(
    "isolation",
    [
        "read committed",
        "serializable",
        pytest.param("repeatable read", marks=pytest.mark.long),
    ],
)
def test_what_is_checked_still_holds_when_it_is_written(
    postgres: pgserver.Server, database: str, isolation: str
) -> None:
    change = f"""ALTER DATABASE "{database}" SET default_transaction_isolation = '{isolation}'"""
    ask(postgres, "postgres", change)
    granted = in_processes(_take_one, [(postgres.url(database), 30, 12)] * 4)
    assert sum(granted) == 30
    assert ask(postgres, database, "SELECT count(*) FROM caller") == [(30,)]


def _write_many(url: str, units: int) -> int:
    books = Books(at(url), process.describe)
    for _ in range(units):
        request = a_request(books)
        books.writer.write(request)
        books.writer.write(an_outcome(request, cost_pico=100_000))
    books.close()
    return units


def test_8_processes_of_50_units_on_a_serializable_server(
    postgres: pgserver.Server, database: str
) -> None:
    ask(
        postgres,
        "postgres",
        f"""ALTER DATABASE "{database}" SET default_transaction_isolation = 'serializable'""",
    )
    assert sum(in_processes(_write_many, [(postgres.url(database), 50)] * 8)) == 400
    found = ask(postgres, database, "SELECT requests, cost_usd FROM daily_usage")
    assert found == [(400, "0.00004")]


def test_a_conflict_is_tried_again_and_books_once(books: Books) -> None:
    """By the server's own error, raised as often as a step asks for it."""
    books.writer.write(a_request(books))
    row, seen = a_caller(books, "often"), []

    def step(transaction: Transaction) -> int:
        transaction.add(row)
        seen.append(1)
        if len(seen) < 4:
            transaction.connection.exec_driver_sql(
                "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"
            )
        return len(seen)

    assert books.writer.write(step) == 4
    with books.read() as connection:
        assert connection.execute(select(func.count()).select_from(Caller)).scalar() == 1


def test_a_conflict_that_never_ends_is_a_typed_error(books: Books) -> None:
    books.writer.write(a_request(books))

    def step(transaction: Transaction) -> None:
        transaction.connection.exec_driver_sql(
            "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"
        )

    began = time.monotonic()
    with pytest.raises(LedgerBusy, match="let other transactions go first"):
        books.writer.write(step, patience_s=0.5)
    assert time.monotonic() - began < 3


def test_a_conflict_in_a_group_undoes_nobodys_work(books: Books) -> None:
    books.writer.write(a_request(books))
    seen: list[int] = []

    def conflicting(transaction: Transaction) -> None:
        seen.append(1)
        if len(seen) == 1:
            transaction.connection.exec_driver_sql(
                "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"
            )

    with books.writer._turn:
        for _ in range(20):
            books.writer.post(a_request(books))
        books.writer.post(conflicting)
        books.writer.post(a_request(books, process_id="nobody"))
        for _ in range(20):
            books.writer.post(a_request(books))
    books.writer.write(a_request(books))
    assert len(seen) == 2
    with books.read() as connection:
        assert connection.execute(select(func.count()).select_from(Request)).scalar() == 42


# --- a commit whose answer is lost --------------------------------------------------------


@pytest.fixture
def proxy(postgres: pgserver.Server) -> Iterator[CutProxy]:
    made = CutProxy(postgres.port)
    yield made
    made.close()


@pytest.fixture
def proxied(proxy: CutProxy, target: Target) -> tuple[CutProxy, str]:
    """The proxy, and the database's URL through it."""
    return proxy, target.url.set(port=proxy.port).render_as_string(hide_password=False)


def through(proxy: CutProxy, target: Target) -> Books:
    return Books(Target(target.url.set(port=proxy.port), None), process.describe)


def _rows(books: Books) -> Any:
    request = a_request(books)
    return [request, an_outcome(request)]


def _session(books: Books) -> Any:
    rows = _rows(books)
    return [lambda transaction: transaction.add(*rows)]


def _fresh_each_time(books: Books) -> Any:
    """A step that makes up its rows anew whenever it is run."""
    step: Step = lambda transaction: transaction.insert(*_rows(books))  # noqa: E731 - one of three ways
    return [step]


@pytest.mark.parametrize("kind", [_rows, _session, _fresh_each_time])
@pytest.mark.parametrize("cut", ["lose_commit", "lose_answer", "delay_commit"])
def test_a_commit_without_an_answer_books_exactly_once(
    proxy: CutProxy, target: Target, cut: str, kind: Callable[[Books], Any]
) -> None:
    books = through(proxy, target)
    books.writer.write(a_request(books))
    for number in range(1, 4):
        getattr(proxy, cut)(*((0.4,) if cut == "delay_commit" else ()))
        books.writer.write(*kind(books), patience_s=20)
        assert proxy.cuts == number
    with books.writer._turn:  # the same for many at once
        for _ in range(5):
            books.writer.post(*kind(books))
        getattr(proxy, cut)(*((0.4,) if cut == "delay_commit" else ()))
    books.writer.write(a_request(books))
    assert proxy.cuts == 4
    with books.read() as connection:
        counted = connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM outcome),"
            " (SELECT count(*) FROM process)"
        ).one()
    books.close()
    assert tuple(counted) == (10, 8, 1)


def test_the_first_commit_of_a_process_can_be_lost_too(proxy: CutProxy, target: Target) -> None:
    books = through(proxy, target)
    proxy.lose_answer()
    books.writer.write(a_request(books))
    books.writer.write(a_request(books))
    with books.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM process").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM request").scalar() == 2
    books.close()


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("spared", [0, 1], ids=["request", "outcome"])
@pytest.mark.parametrize("cut", ["lose_commit", "lose_answer"])
def test_a_call_whose_commit_was_lost_is_sent_once_and_booked_once(
    proxied: tuple[CutProxy, str], tmp_path: Path, cut: str, spared: int, driver: str
) -> None:
    proxy, url = proxied
    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url, url=url) as ledger:
        call(ledger, driver, model="m/first")
        proxy.spared = spared
        getattr(proxy, cut)()
        call(ledger, driver, model="m/x")
        assert proxy.cuts == 1
        assert len(sandbox.calls) == 2, "only the database's part is ever repeated"
        assert [row.status for row in ledger.requests()] == ["finished"] * 2


def test_a_transaction_that_the_server_undid_is_no_success(books: Books) -> None:
    """COMMIT of a failed transaction is answered with ROLLBACK, and raises nothing."""
    books.writer.write(a_request(books))

    def step(transaction: Transaction) -> None:
        transaction.insert(a_request(books))
        with contextlib.suppress(Exception):
            transaction.connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(LedgerUnavailable, match="undid"):
        books.writer.write(step)
    with books.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM request").scalar() == 1


def test_an_idle_connection_that_was_cut_costs_nothing(
    postgres: pgserver.Server, database: str, books: Books
) -> None:
    books.writer.write(a_request(books))
    with books.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    )
    ask(postgres, database, f"{cut} AND pid <> pg_backend_pid()")
    books.writer.write(a_request(books))
    with books.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM request").scalar() == 2


# --- the server itself is killed ----------------------------------------------------------


@pytest.fixture
def mortal(postgres: pgserver.Server) -> Iterator[pgserver.Server]:
    """A server of this test's own, with a migrated database, which may be killed."""
    made = pgserver.new("max_wal_senders = 0\nwal_level = minimal\n")
    engines.make_template(made)
    yield made
    made.stop()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_server_killed_in_the_middle_of_writes_loses_no_acknowledged_row(
    mortal: pgserver.Server,
) -> None:
    books = Books(at(mortal.url(engines.TEMPLATE)), process.describe)
    books.writer.write(a_request(books))
    acknowledged: set[str] = set()
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            row = a_request(books)
            books.writer.write(row, patience_s=40)
            acknowledged.add(row.id)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(write) for _ in range(4)]
        for _ in range(3):
            time.sleep(0.5)
            mortal.kill()
            time.sleep(0.3)
            mortal.start()
        time.sleep(0.5)
        ending.set()
        for each in running:
            each.result(60)
    books.close()
    stored = {row[0] for row in ask(mortal, engines.TEMPLATE, "SELECT id FROM request")}
    print(f"3 kills: {len(acknowledged)} acknowledged, {len(stored)} stored")
    assert len(acknowledged) > 50
    assert acknowledged <= stored
    assert len(stored) == len(acknowledged) + 1, "and none is there that nobody was told of"
    assert ask(mortal, engines.TEMPLATE, "SELECT count(*) FROM process") == [(1,)]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_calls_fail_typed_while_the_server_is_down_and_go_on_when_it_is_back(
    mortal: pgserver.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.books.writer import Writer

    for name in ("write", "awrite"):
        monkeypatch.setitem(getattr(Writer, name).__kwdefaults__, "patience_s", 1.0)
    monkeypatch.setattr("ledger.books.writer.WRITE_PATIENCE_S", 1.0)
    url = mortal.url(engines.TEMPLATE)
    with (
        Sandbox() as sandbox,
        open_ledger(tmp_path / "home", sandbox.base_url, url=url) as ledger,
    ):
        for driver in ("sync", "async"):
            call(ledger, driver, model="m/x")
        mortal.kill()
        for driver in ("sync", "async"):
            error = failure(ledger, driver, model="m/x")
            assert isinstance(error, LedgerUnavailable)
            assert "cannot be reached" in str(error)
        with pytest.raises(LedgerUnavailable, match="cannot be reached"):
            ledger.report("day")
        assert len(sandbox.calls) == 2, "no record, no call"
        mortal.start()
        for driver in ("sync", "async"):
            call(ledger, driver, model="m/x")
        assert [row.requests for row in ledger.report("day")] == [4]


# --- what else a server brings ------------------------------------------------------------


def test_no_state_is_left_on_a_connection_that_a_pooler_could_hand_on(books: Books) -> None:
    """Statements are prepared nowhere, and settings end with their transaction."""
    for _ in range(20):
        books.writer.write(lambda transaction: transaction.add(a_request(books)))
    store = books.writer._store
    assert isinstance(store, PostgresStore)
    for sql, value in (
        ("SELECT count(*) FROM pg_prepared_statements", 0),
        ("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", 0),
        ("SELECT current_setting('lock_timeout')", "0"),
    ):
        assert store.execute(sql).fetchone() == (value,)
    with books.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM request")
        prepared = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements")
        assert prepared.scalar() == 0


def test_the_workers_lock_is_one_holders_and_comes_back_when_it_ends(
    postgres: pgserver.Server, database: str, target: Target
) -> None:
    first, second = (AdvisoryLock(target, SETTLING) for _ in range(2))
    assert first.try_lock()
    assert first.try_lock()
    assert not second.try_lock()
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    )
    ask(postgres, database, f"{cut} AND pid <> pg_backend_pid()")
    assert second.try_lock()
    assert not first.try_lock()
    second.close()
    assert first.try_lock()
    first.close()


def test_connections_are_closed_when_a_ledger_is_forgotten(
    postgres: pgserver.Server, database: str, target: Target
) -> None:
    def use() -> None:
        books = Books(target, process.describe)
        books.writer.write(a_request(books))
        with books.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    use()
    import gc

    gc.collect()
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    until = time.monotonic() + 5
    while ask(postgres, database, f"{others} AND pid <> pg_backend_pid()") != [(0,)]:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_content_longer_than_the_search_takes_is_stored_whole(
    target: Target, tmp_path: Path
) -> None:
    words = " ".join(f"w{number:x}" for number in range(400_000))
    url = target.url.render_as_string(hide_password=False)
    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url, url=url) as ledger:
        call(ledger, "sync", words, model="m/x", store_messages=True)
        (row,) = ledger.logs(search="w1f4")
    assert row.text == words
