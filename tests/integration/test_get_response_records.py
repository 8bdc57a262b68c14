"""No record, no call; and an answer that can't be booked is not lost."""

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import engines
import pytest
from callkit import CALLER, DRIVERS, call, count, failure, only, open_ledger, rows

from ledger import clock, errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"
SECRET_ANSWER = "the text that nobody may print"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_row_is_there_before_the_answer(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    asking = threading.Thread(
        target=call, args=(ledger, driver), kwargs={"model": "sandbox/slow-400"}
    )
    asking.start()
    until = clock.monotonic() + 5
    while not sandbox.calls and clock.monotonic() < until:
        clock.sleep(0.002)
    assert sandbox.calls[0].status is None
    row = only(home, "select status, model_asked, cost_grade, total_usd from request_status")
    assert row == {
        "status": "open",
        "model_asked": "sandbox/slow-400",
        "cost_grade": "unknown",
        "total_usd": None,
    }
    asking.join()
    assert only(home, "select status from request_status")["status"] == "finished"


@pytest.mark.one_engine
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_database_that_is_a_folder_means_no_call(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    (home / "ledger.db").mkdir(parents=True)
    error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.LedgerUnavailable
    assert str(home / "ledger.db") in str(error)
    assert sandbox.calls == []
    (home / "ledger.db").rmdir()
    assert call(ledger, driver, model=MODEL)
    assert count(home, "outcome") == 1


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_home_that_is_a_file_means_no_call(home: Path, sandbox: Sandbox, driver: str) -> None:
    home.write_text("in the way")
    with open_ledger(home, sandbox.base_url) as ledger:
        error = failure(ledger, driver, model=MODEL)
        assert isinstance(error, errors.LedgerUnavailable)
        assert str(home) in str(error)
        assert sandbox.calls == []
        home.unlink()
        assert call(ledger, driver, model=MODEL)


@pytest.mark.skipif(not shutil.which("chattr"), reason="needs chattr")
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_folder_that_may_not_be_written_means_no_call(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    home.mkdir()
    if os.system(f"chattr +i {home} 2>/dev/null") != 0:
        pytest.skip("this file system has no immutable folders")
    try:
        error = failure(ledger, driver, model=MODEL)
    finally:
        os.system(f"chattr -i {home}")
    assert isinstance(error, errors.LedgerUnavailable)
    assert str(home) in str(error)
    assert sandbox.calls == []
    assert call(ledger, driver, model=MODEL)


@pytest.mark.parametrize("driver", DRIVERS)
def test_books_held_by_a_stranger_mean_no_call(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.books.writer import Writer

    call(ledger, driver, model=MODEL)
    for name in ("write", "awrite"):
        real = getattr(Writer, name)
        monkeypatch.setitem(real.__kwdefaults__, "patience_s", 0.2)
    monkeypatch.setattr("ledger.books.writer.WRITE_PATIENCE_S", 0.2)
    with engines.held(home):
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.LedgerBusy
    assert ledger.books.target.name in str(error)
    assert len(sandbox.calls) == 1
    assert call(ledger, driver, model=MODEL)
    assert count(home, "request") == count(home, "outcome") == 2


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_answer_that_cannot_be_booked_comes_with_the_error(
    ledger: Ledger,
    home: Path,
    sandbox: Sandbox,
    driver: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    call(ledger, driver, model=MODEL)
    engines.refuse(home, why="no outcome today")
    sandbox.reply(text=SECRET_ANSWER)
    error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.OutcomeNotRecorded
    assert error.reply == SECRET_ANSWER
    assert error.reply.cost == sandbox.calls[1].charged
    assert error.generation_id == error.reply.generation_id == sandbox.calls[1].generation_id
    assert (error.caller, error.model) == (CALLER, MODEL)
    assert "no outcome today" in str(error)
    assert SECRET_ANSWER not in str(error) + repr(error) + repr(error.args) + caplog.text
    assert "could not be booked" in caplog.text
    assert only(home, "select status from request_status where id = ?", error.request_id) == {
        "status": "open"
    }
    assert len(sandbox.calls) == 2


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_failure_that_cannot_be_booked_is_still_that_failure(
    ledger: Ledger, home: Path, driver: str
) -> None:
    call(ledger, driver, model=MODEL)
    engines.refuse(home, why="no outcome today")
    for directive, kind in (
        ("error-402", errors.RequestUnaffordable),
        ("cut", errors.ConnectionLost),
    ):
        error = failure(ledger, driver, model=f"sandbox/{directive}")
        assert type(error) is kind
        assert any("could not be booked" in note for note in error.__notes__)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_refusal_that_cannot_be_booked_is_still_that_refusal(
    ledger: Ledger, home: Path, driver: str, caplog: pytest.LogCaptureFixture
) -> None:
    call(ledger, driver, model=MODEL)
    engines.refuse(home, "refusal")
    assert type(failure(ledger, driver, model=MODEL, stream=True)) is errors.RequestInvalid
    assert "the refusal could not be booked" in caplog.text


@pytest.mark.one_engine
def test_a_full_disk_after_the_answer_does_not_lose_it(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    """The file may not grow any more once the request is in it."""
    call(ledger, "sync", model=MODEL)
    store = ledger.books.writer._store

    def fill() -> None:
        pages = store.execute("pragma page_count").fetchone()[0]
        store.execute(f"pragma max_page_count={pages}")

    error: errors.LedgerError | None = None
    before = 0
    while error is None:
        fill()
        before = len(sandbox.calls)
        assert before < 500, "the disk never was full"
        try:
            call(ledger, "sync", model=MODEL)
        except errors.LedgerError as caught:
            error = caught
    assert "disk is full" in str(error)
    is_lost = isinstance(error, errors.OutcomeNotRecorded)
    assert len(sandbox.calls) == before + is_lost
    assert error.reply == ("Echo: Hello there" if is_lost else None)
    store.close()
    assert call(ledger, "sync", model=MODEL)
    states = rows(home, "select status, count(*) as n from request_status group by status")
    assert {row["status"]: row["n"] for row in states}.get("open", 0) == is_lost
