"""The small parts of the books: columns, addresses, SQL files, faults, this process."""

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from ledger import settings
from ledger.books import faults, process, sql_files
from ledger.books.columns import Flag, Money, UtcTime
from ledger.books.lockfile import LockFile
from ledger.books.models import Process
from ledger.books.target import locate
from ledger.errors import LedgerBusy, LedgerUnavailable, ModelRequired

DIALECTS: list[Any] = [sqlite.dialect(), postgresql.dialect()]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_amounts_are_whole_numbers_only(dialect: Any) -> None:
    column = Money()
    assert column.process_bind_param(2**63 - 1, dialect) == 2**63 - 1
    assert column.process_bind_param(None, dialect) is None
    for wrong in (1.0, True, "1"):
        with pytest.raises(TypeError):
            column.process_bind_param(wrong, dialect)
    for beyond in (2**63, -(2**63)):
        with pytest.raises(OverflowError):
            column.process_bind_param(beyond, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_flags_are_true_false_or_not_known(dialect: Any) -> None:
    column = Flag()
    stored = [column.process_bind_param(value, dialect) for value in (True, False, None)]
    assert stored == [1, 0, None]
    assert [column.process_result_value(value, dialect) for value in stored] == [True, False, None]
    wrong: Any
    for wrong in (1, 2, 0.5, "yes", ""):
        with pytest.raises(TypeError):
            column.process_bind_param(wrong, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_times_are_utc_and_aware(dialect: Any) -> None:
    moment = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    stored = UtcTime().process_bind_param(moment, dialect)
    assert stored == "2026-11-23T10:00:00.000000Z"
    assert UtcTime().process_result_value(stored, dialect) == moment
    with pytest.raises(ValueError, match="naive"):
        UtcTime().process_bind_param(moment.replace(tzinfo=None), dialect)


def located(url: str | None, home: str = "/nowhere/home") -> Any:
    return locate(settings.resolve(home=home, url=url, environ={}))


def test_books_are_in_the_home_unless_a_url_says_otherwise() -> None:
    assert located(None).path == Path("/nowhere/home/ledger.db")
    assert located("sqlite:////var/x/y.db").path == Path("/var/x/y.db")
    assert located("sqlite:////var/x/y.db").synchronous == "FULL"
    assert located("sqlite:////var/x/y.db?synchronous=normal").synchronous == "NORMAL"
    assert located("postgresql://u@h/d").url.drivername == "postgresql+psycopg"


def test_a_password_is_in_no_name() -> None:
    target = located("postgresql://user:hunter2@host/db")
    assert "hunter2" not in target.name + repr(target)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////x.db?synchronous=OFF",
    ],
)
def test_an_address_that_cannot_hold_books_is_refused(url: str) -> None:
    with pytest.raises(LedgerUnavailable, match="LEDGER_URL") as caught:
        located(url)
    assert caught.value.hint


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("folder", ["views", "triggers"])
def test_every_sql_file_is_named_described_and_fully_spelled_out(folder: str, engine: str) -> None:
    found = sql_files.load(folder, engine)
    assert found
    for file in found.values():
        assert file.description
        for macro in ("usd(", "total_of(", "{sums}", "{totals}"):
            assert macro not in file.body


def test_amount_text_in_sql_equals_amount_text_in_python() -> None:
    from ledger import money

    spelled = sql_files._spell(sql_files.SqlFile("x", "y", "SELECT usd(max(:x, :x))"), "sqlite")
    connection = sqlite3.connect(":memory:")
    for pico in (0, 1, -1, 10**12, -(10**12) - 5, 2**53 + 1, 2**63 - 1, -(2**63) + 1):
        assert connection.execute(spelled.body, {"x": pico}).fetchone() == (money.usd_text(pico),)
    assert connection.execute(spelled.body, {"x": None}).fetchone() == (None,)
    connection.close()


def test_views_that_need_each_other_are_refused() -> None:
    ring = [sql_files.SqlFile("a", "x", "SELECT * FROM b"), sql_files.SqlFile("b", "x", "FROM a")]
    with pytest.raises(ValueError, match="need each other"):
        sql_files._ordered(ring)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("database or disk is full", "free some space"),
        ("disk I/O error", "refused to write"),
        ("unable to open database file", "LEDGER_HOME"),
        ("attempt to write a readonly database", "LEDGER_HOME"),
        ("file is not a database", "Another program"),
        ("database disk image is malformed", "backups"),
        ("no such table: request", "upgrade"),
    ],
)
def test_every_fault_says_where_and_what_to_do(said: str, hint: str) -> None:
    error = faults.unavailable(sqlite3.OperationalError(said), "/somewhere/ledger.db")
    assert type(error) is LedgerUnavailable
    assert "/somewhere/ledger.db" in str(error)
    assert hint in str(error)


def test_errors_of_our_own_pass_and_a_lock_is_busy() -> None:
    ours = ModelRequired("no model")
    assert faults.unavailable(ours, "x") is ours
    locked = faults.unavailable(sqlite3.OperationalError("database is locked"), "x")
    assert isinstance(locked, LedgerBusy)
    assert " 0 s" not in str(locked)
    assert "for 0.25 s" in str(faults.busy("x", 0.25))


def test_one_holder_at_a_time_has_the_lock_file(tmp_path: Path) -> None:
    one, other = LockFile(tmp_path / "x.lock"), LockFile(tmp_path / "x.lock")
    assert one.try_lock()
    assert not other.try_lock()
    one.write_mark(12345)
    one.unlock()
    assert other.try_lock()
    assert other.read_mark() == 12345
    other.close()
    assert one.try_lock()
    one.close()
    assert one.read_mark() == 0


def test_a_planted_link_at_the_lock_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=r".+"):
        LockFile(tmp_path / "x.lock").try_lock()
    assert not (tmp_path / "victim").exists()


def test_this_process_is_described_and_alive() -> None:
    row = process.describe()
    assert row.pid == os.getpid()
    assert row.host == process.host_name()
    assert process.is_alive(row)
    blank = process.describe(record_host=False)
    assert blank.host is blank.os_user is None
    assert blank.pid == os.getpid()


def test_a_process_that_ended_is_known_to_be_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        seen = Process(
            first_seen_at=dt.datetime.now(dt.UTC), pid=child.pid, host=process.host_name(),
            boot_id=process.boot_id(), started_at=process.start_of(child.pid),
        )  # fmt: skip
        assert process.is_alive(seen)
        child.communicate(b"\n")
    assert not process.is_alive(seen)
    seen.started_at = None  # as on platforms that do not tell
    assert not process.is_alive(seen)
    seen.pid = os.getpid()
    assert process.is_alive(seen)
    seen.host = "another machine"
    assert process.is_alive(seen)  # nobody here can prove the contrary


def test_the_commit_of_a_checkout_is_read_from_its_files(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.test"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert process._commit_of(tmp_path / "deep" / "er") == head.stdout.strip()
    subprocess.run([*git, "pack-refs", "--all"], check=True)
    assert process._commit_of(tmp_path) == head.stdout.strip()
    subprocess.run([*git, "checkout", "-q", "--detach"], check=True)
    assert process._commit_of(tmp_path) == head.stdout.strip()
