"""Faults that were found by reading and trying, each with the test that failed first."""

import asyncio
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import engines
import httpcore
import pytest

import ledger
from ledger import clock, errors
from ledger.books.disk import check, kind_of
from ledger.books.models import Generation, Outcome, Request
from ledger.client import Ledger, default
from ledger.living import Living
from ledger.sandbox import Sandbox


def _books(sql: str) -> list[tuple[Any, ...]]:
    return engines.read(Path(os.environ["LEDGER_HOME"]), sql)[1]


def _fail_a_commit(monkeypatch: pytest.MonkeyPatch, error: BaseException, at: int) -> None:
    """The commit with that number, counted from now, fails."""
    store = default().books.writer._store
    real, count = store.commit, 0

    def commit() -> None:
        nonlocal count
        count += 1
        if count == at:
            raise error
        real()

    monkeypatch.setattr(store, "commit", commit)


@pytest.mark.one_engine
def test_a_caller_whose_first_commit_failed_works_once_there_is_space(
    ledger_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.get_response("hi", model="m", caller="warm")
    _fail_a_commit(monkeypatch, sqlite3.OperationalError("database or disk is full"), at=1)
    with pytest.raises(errors.LedgerUnavailable):
        ledger.get_response("hi", model="m", caller="fresh")
    assert ledger.get_response("hi", model="m", caller="fresh")


def test_ctrl_c_while_the_outcome_is_committed_loses_no_outcome(
    ledger_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.get_response("hi", model="m", caller="c")
    _fail_a_commit(monkeypatch, KeyboardInterrupt(), at=2)
    with pytest.raises(KeyboardInterrupt):
        ledger.get_response("hi", model="m2", caller="c")
    default().close()
    (row,) = _books(
        "SELECT status, generation_id IS NOT NULL FROM request_status WHERE model_asked = 'm2'"
    )
    assert row == ("finished", 1)


def test_a_connection_whose_close_was_cancelled_is_not_used_again(
    ledger_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = httpcore._async.http11.AsyncHTTP11Connection
    real, hit = kind._response_closed, threading.Event()

    async def cancelled(self: Any) -> None:
        if not hit.is_set():
            hit.set()
            raise asyncio.CancelledError
        await real(self)

    async def main() -> str:
        await ledger.aget_response("hi", model="m", caller="c")
        monkeypatch.setattr(kind, "_response_closed", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await ledger.aget_response("hi", model="m", caller="c")
        return await ledger.aget_response("hi", model="innocent", caller="c")

    assert asyncio.run(main())


def test_a_connection_whose_close_was_interrupted_is_not_used_again(
    ledger_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.get_response("hi", model="m", caller="c")
    kind = httpcore._sync.http11.HTTP11Connection
    real, hit = kind._response_closed, threading.Event()

    def interrupted(self: Any) -> None:
        if not hit.is_set():
            hit.set()
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(kind, "_response_closed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ledger.get_response("hi", model="m", caller="c")
    assert ledger.get_response("hi", model="innocent", caller="c")


def test_two_requests_that_name_one_generation_count_its_charge_once(
    ledger_sandbox: Sandbox,
) -> None:
    ledger.get_response("hi", model="m", caller="c")
    default().settle()
    (named,) = _books("SELECT generation_id FROM outcome")
    (of,) = _books("SELECT caller_id, process_id FROM request")
    now = clock.now()
    again = Request(
        caller_id=of[0],
        process_id=of[1],
        source="get_response",
        endpoint="chat/completions",
        base_url="x",
        started_at=now,
        day=clock.day_of(now),
    )
    outcome = Outcome(
        id=again.id, ended_at=now, status="finished", generation_id=named[0], cost_grade="pending"
    )
    default().books.writer.write(again, outcome)
    (counted,) = _books("SELECT sum(cost_pico) FROM request_status")
    (charged,) = _books("SELECT sum(cost_pico) FROM generation")
    grades = _books("SELECT cost_grade FROM request_status ORDER BY id")
    assert (counted, grades) == (charged, [("settled",), ("unknown",)])


def test_a_byok_bill_stays_where_the_providers_record_does_not_name_it(
    ledger_sandbox: Sandbox,
) -> None:
    ledger.get_response("hi", model="sandbox/byok", caller="c")
    (of,) = _books("SELECT generation_id, process_id FROM outcome JOIN request USING(id)")
    (before,) = _books("SELECT total_pico FROM request_status")
    row = Generation(
        process_id=of[1],
        settled_at=clock.now(),
        generation_id=of[0],
        cost_pico=0,
        cost_text="0",
        is_byok=True,
    )
    default().books.writer.write(row)
    (after,) = _books("SELECT total_pico FROM request_status")
    assert before == after == (325_300_000,)


@pytest.mark.one_engine
def test_books_deleted_under_a_running_process_stop_the_next_call(ledger_sandbox: Sandbox) -> None:
    ledger.get_response("hi", model="m", caller="c")
    for file in Path(os.environ["LEDGER_HOME"]).glob("ledger.db*"):
        file.unlink()
    with pytest.raises(errors.LedgerUnavailable, match="deleted or replaced"):
        ledger.get_response("hi", model="after", caller="c")
    assert [call.model for call in ledger_sandbox.calls] == ["m"]


def test_a_snapshot_of_the_living_is_safe_while_others_are_born() -> None:
    class Thing:
        """Something that lives."""

    living: Living[Thing] = Living()
    kept: list[Thing] = []

    def bear() -> None:
        for _ in range(2000):
            thing = Thing()
            living.add(thing)
            kept.append(thing)
            living.add(Thing())

    threads = [threading.Thread(target=bear) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        living.snapshot()
    for thread in threads:
        thread.join()
    assert {id(thing) for thing in living.snapshot()} == {id(thing) for thing in kept}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+pysqlcipher://:pw@/x.db",
        "sqlite:////tmp/x.db?mode=ro",
        "sqlite:///file:/tmp/x.db?uri=true",
        "sqlite:///~/x.db",
    ],
)
def test_a_url_that_would_not_do_what_it_says_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(errors.LedgerUnavailable, match="LEDGER_URL"):
        Ledger(home=tmp_path, url=url)


@pytest.mark.one_engine
def test_a_linked_file_is_one_ledger_with_one_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "ledger.db").symlink_to(tmp_path / "real" / "ledger.db")
    paths = {Ledger(home=tmp_path / name).books.path for name in ("real", "linked")}
    assert paths == {tmp_path / "real" / "ledger.db"}


_MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /mnt/my\\040share rw shared:2 - nfs4 server:/x rw
31 30 0:41 / /mnt/my\\040share/local rw - ext4 /dev/vdb rw
32 22 0:42 / /run/box rw - overlay overlay rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/ledger.db", "ext4"),
        ("/mnt/my share/a/ledger.db", "nfs4"),
        ("/mnt/my share/local/ledger.db", "ext4"),
        ("/mnt/my shareholders/ledger.db", "ext4"),
        ("/run/box/ledger.db", "overlay"),
    ],
)
def test_the_disk_of_a_path_is_told_by_its_mount(path: str, kind: str) -> None:
    assert kind_of(Path(path), _MOUNTS) == kind


@pytest.mark.one_engine  # it is said once a process, of a file
def test_a_network_file_system_is_refused_and_a_containers_disk_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(errors.LedgerUnavailable, match=r"nfs4.*LEDGER_HOME"):
        check(Path("/mnt/my share/ledger.db"), _MOUNTS)
    check(Path("/run/box/ledger.db"), _MOUNTS)
    check(Path("/run/box/ledger.db"), _MOUNTS)
    assert caplog.text.count("mount a volume") == 1
    check(Path("/anywhere"), "")
