"""The doctor: finds what is wrong, says its cure, changes nothing, and falls ill of nothing."""

import contextlib
import datetime as dt
import hashlib
import os
import random
import socket
import sqlite3
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
from callkit import KEY
from export_rows import Rows, open_rows
from rawserver import RawServer, read_request

from ledger import clock
from ledger.__main__ import main
from ledger.client import Ledger
from ledger.doctor import Diagnosis, disk, engine, examination
from ledger.openrouter import exact

pytestmark = pytest.mark.one_engine  # about a SQLite file


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    opened = open_rows(home)
    yield opened
    opened.books.close()


def examine(home: Path, **more: Any) -> Diagnosis:
    options: dict[str, Any] = {"api_key": KEY, "background": False} | more
    with contextlib.closing(Ledger(home=home, **options)) as ledger:
        return ledger.doctor(offline="base_url" not in more)


def by_check(found: Diagnosis) -> dict[str, tuple[str, str]]:
    """The worst finding of each check, with its cure."""
    order = {"ok": 0, "warn": 1, "fail": 2}
    listed = sorted(found.findings, key=lambda each: order[each.level])
    return {each.check: (each.level, f"{each.says} {each.cure}") for each in listed}


def answering(answer: bytes, seen: list[bytes]) -> Callable[[socket.socket], None]:
    def handler(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(answer)

    return handler


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-shm", "-wal"))
    }


def test_a_healthy_ledger_is_well_and_left_as_it_is(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow"), 5)
    rows.book()
    with contextlib.closing(Ledger(home=rows.home, api_key=KEY, background=False)) as ledger:
        ledger.export()
    rows.books.close()
    before = snapshot(tmp_path)
    found = examine(rows.home)
    assert {each for each in found.findings if each.level != "ok"} == set()
    assert found.worst == "ok"
    assert snapshot(tmp_path) == before
    checks = {each.check for each in found.findings}
    assert {"engine", "file system", "permissions", "structure", "references", "rules"} <= checks
    assert {"json files", "key", "clock", "pending", "proxies", "certificates"} <= checks


def test_before_the_first_call_nothing_is_made(tmp_path: Path) -> None:
    found = examine(tmp_path / "home")
    assert found.worst == "ok"
    assert "no ledger" in by_check(found)["schema"][1]
    assert list(tmp_path.iterdir()) == []


def _broken(path: Path, kind: str) -> None:
    """Make a database file into what it must not be."""
    whole = path.read_bytes()
    noise = random.Random(5).randbytes
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "cut to a page":
        path.write_bytes(whole[:4096])
    elif kind == "random":
        path.write_bytes(noise(len(whole)))
    elif kind == "wrong magic":
        path.write_bytes(b"SQLite format 4\0" + whole[16:])
    elif kind == "noise inside":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + noise(8192) + whole[middle + 8192 :])
    elif kind == "text":
        path.write_bytes(b'{"this": "is JSON"}\n' * 100)
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.unlink()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("CREATE TABLE theirs (id)")


KINDS = ["truncated", "cut to a page", "random", "wrong magic", "noise inside", "text", "folder",
         "foreign"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_a_finding_and_no_traceback(
    rows: Rows, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = rows.caller("flow", None)
    for number in range(300):
        rows.call(caller, number)
    rows.book()
    rows.books.writer.checkpoint()
    rows.books.close()
    path = rows.home / "ledger.db"
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    _broken(path, kind)
    before = snapshot(rows.home)
    found = examine(rows.home)
    assert found.worst == "fail"
    failed = [each for each in found.findings if each.level == "fail"]
    assert all(each.cure for each in failed)
    assert not [each for each in failed if "it could not be found out" in each.says], failed
    assert snapshot(rows.home) == before
    capsys.readouterr()
    assert main(["doctor", "--offline", "--home", str(rows.home)]) == 1
    captured = capsys.readouterr()
    assert "fail  " in captured.out
    assert "Traceback" not in captured.out + captured.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no named pipes")
def test_what_is_neither_file_nor_folder_is_named(tmp_path: Path) -> None:
    a_file = tmp_path / "file"
    a_file.touch()
    piped, blocked = tmp_path / "piped", tmp_path / "blocked"
    for home in (piped, blocked):
        home.mkdir(mode=0o700)
    os.mkfifo(piped / "ledger.db")
    (blocked / "api_json").touch()
    wrong = ((a_file, a_file), (piped, piped / "ledger.db"), (blocked, blocked / "api_json"))
    for home, path in wrong:
        found = by_check(examine(home))
        assert found["kinds"][0] == "fail"
        assert str(path) in found["kinds"][1]


def _alter(home: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(home / "ledger.db", isolation_level=None)) as other:
        other.executescript(sql)


@pytest.mark.parametrize(
    ("sql", "check", "level", "says"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "schema", "fail", "newer version"),
        ("DROP TRIGGER outcome_no_update", "rules", "fail", "TRIGGER outcome_no_update"),
        ("DROP VIEW caller_usage", "rules", "fail", "VIEW caller_usage"),
        (
            "DROP VIEW daily_usage; CREATE VIEW daily_usage AS SELECT 1 AS day",
            "rules",
            "fail",
            "VIEW daily_usage",
        ),
        (
            "DROP TRIGGER caller_no_delete; DELETE FROM caller",
            "references",
            "fail",
            "request to caller",
        ),
    ],
)
def test_what_was_done_to_the_books_by_hand_is_found(
    rows: Rows, sql: str, check: str, level: str, says: str
) -> None:
    rows.call(rows.caller("flow", None), 1)
    rows.book()
    rows.books.close()
    _alter(rows.home, f"PRAGMA foreign_keys=OFF; {sql};")
    found = by_check(examine(rows.home))
    assert found[check][0] == level, found
    assert says in found[check][1]


def test_an_older_schema_is_not_upgraded_by_looking_at_it(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.books import migrate, sqlite_schema

    rows.book()
    rows.books.close()
    now = migrate.HEAD
    monkeypatch.setattr(migrate, "HEAD", "9000")
    found = by_check(examine(rows.home))
    assert found["schema"] == ("warn", found["schema"][1])
    assert "python -m ledger upgrade" in found["schema"][1]
    assert sqlite_schema.revision_of(rows.home / "ledger.db") == now


def test_files_that_differ_from_the_books_are_named(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow"), 5)
    rows.book()
    with contextlib.closing(Ledger(home=rows.home, background=False)) as ledger:
        ledger.export(every_entry=True)
        assert by_check(ledger.doctor(offline=True))["json files"][0] == "ok"
        edited = tmp_path / "flow/flow_json/openrouter_skill_data.json"
        edited.write_text(edited.read_text("ascii").replace("1", "2"), "ascii")
        level, says = by_check(ledger.doctor(offline=True))["json files"]
    assert (level, str(edited) in says) == ("warn", True)
    assert "python -m ledger export" in says


def test_a_log_with_every_entry_says_what_the_books_say(rows: Rows, tmp_path: Path) -> None:
    caller = rows.caller("flow", tmp_path / "flow")
    for number in range(1_100):
        rows.call(caller, number)
    rows.book()
    with contextlib.closing(Ledger(home=rows.home, background=False)) as ledger:
        for every_entry in (False, True):
            ledger.export(every_entry=every_entry)
            assert by_check(ledger.doctor(offline=True))["json files"][0] == "ok"


@pytest.mark.skipif(os.name != "posix", reason="file modes mean nothing there")
def test_files_that_others_may_read_are_named_with_the_cure(rows: Rows) -> None:
    rows.book()
    (rows.home / ".env").write_text(f"OPENROUTER_API_KEY={KEY}\n", "ascii")
    (rows.home / ".env").chmod(0o644)
    (rows.home / "ledger.db").chmod(0o664)
    found = examine(rows.home, api_key=None)
    cures = {each.cure for each in found.findings if each.level == "warn"}
    assert f"chmod go= {rows.home / 'ledger.db'}" in cures
    assert f"chmod go= {rows.home / '.env'}" in cures
    assert any(cure.startswith(f"chmod 600 {rows.home / '.env'}") for cure in cures)
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("key", "level", "says"),
    [
        (KEY, "ok", "sk-or-v1-aba...abab from the api_key argument"),
        (f"{KEY[:20]}", "fail", "cut short"),
        ("sk-ant-" + "ab" * 20, "fail", "Anthropic"),
    ],
)
def test_the_key_is_shown_masked_with_its_source(
    rows: Rows, key: str, level: str, says: str
) -> None:
    found = examine(rows.home, api_key=key)
    assert by_check(found)["key"][0] == level
    assert says in by_check(found)["key"][1]
    assert key not in str(found)


def test_a_second_key_elsewhere_is_named(rows: Rows) -> None:
    other = "sk-or-v1-" + "cd" * 32
    (rows.home / ".env").write_text(f"OPENROUTER_API_KEY={other}\n", "ascii")
    level, says = by_check(examine(rows.home))["key"]
    assert level == "warn"
    assert other not in says


def test_a_clock_behind_the_books_is_found(rows: Rows) -> None:
    caller = rows.caller("flow", None)
    rows.call(caller, 1, at=clock.now() + dt.timedelta(hours=2))
    rows.book()
    level, says = by_check(examine(rows.home))["clock"]
    assert level == "warn"
    assert "s in the future" in says


def test_a_clock_that_stepped_back_in_a_process_is_found(rows: Rows) -> None:
    caller = rows.caller("flow", None)
    start = clock.now() - dt.timedelta(days=1)
    for step in (0, 1, -3600, -3599):
        rows.call(caller, 1, at=start + dt.timedelta(seconds=step))
    rows.book()
    level, says = by_check(examine(rows.home))["clock"]
    assert level == "warn"
    assert "in the middle of 1 of" in says


@pytest.mark.parametrize(
    ("off_s", "level"), [(0, "ok"), (-30, "warn"), (90, "warn"), (7200, "fail")]
)
def test_the_clock_is_compared_with_the_providers(rows: Rows, off_s: int, level: str) -> None:
    said = format_datetime(clock.now() - dt.timedelta(seconds=off_s), usegmt=True)
    answer = f"HTTP/1.1 404 Not Found\r\ndate: {said}\r\ncontent-length: 0\r\n\r\n"
    seen: list[bytes] = []
    with RawServer(answering(answer.encode(), seen)) as server:
        found = by_check(examine(rows.home, base_url=server.base_url))
    (asked,) = seen
    assert found["clock"][0] == level, found
    assert b"HEAD" in asked
    assert KEY.encode() not in asked


@pytest.mark.parametrize("said", ["", "date: yesterday\r\n", "date: \xff\r\n"])
def test_a_provider_that_does_not_tell_its_time_is_no_fault(rows: Rows, said: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\n{said}content-length: 0\r\n\r\n"
    with RawServer(answering(answer.encode("latin-1"), [])) as server:
        assert by_check(examine(rows.home, base_url=server.base_url))["clock"][0] == "ok"


def test_no_way_to_the_provider_is_a_warning(rows: Rows) -> None:
    found = by_check(examine(rows.home, base_url="http://127.0.0.1:9/api/v1"))
    assert found["clock"][0] == "warn"
    assert "--offline" in found["clock"][1]


def test_what_waits_for_long_is_counted(rows: Rows) -> None:
    caller = rows.caller("flow", None)
    for age in (dt.timedelta(minutes=1), dt.timedelta(hours=3)):
        rows.call(caller, None, at=clock.now() - age, cost_grade="pending",
                  generation_id=f"gen-{age.seconds}")  # fmt: skip
    rows.request(caller, at=clock.now() - dt.timedelta(hours=5))
    rows.book()
    found = examine(rows.home)
    says = " ".join(each.says for each in found.findings if each.check == "pending")
    assert "2 costs are pending, 1 of them for more than an hour" in says
    assert "1 requests have no end" in says
    assert "python -m ledger settle" in by_check(found)["pending"][1]


@pytest.mark.parametrize(
    ("version", "level", "says"),
    [
        ((3, 36, 0), "fail", "STRICT"),
        ((3, 40, 1), "ok", "has the WAL-reset bug"),
        ((3, 44, 5), "ok", "has the WAL-reset bug"),
        ((3, 44, 6), "ok", "without the WAL-reset bug"),
        ((3, 50, 6), "ok", "has the WAL-reset bug"),
        ((3, 50, 7), "ok", "without the WAL-reset bug"),
        ((3, 51, 2), "ok", "has the WAL-reset bug"),
        ((3, 51, 3), "ok", "without the WAL-reset bug"),
        ((4, 0, 0), "ok", "without the WAL-reset bug"),
    ],
)
def test_a_version_of_sqlite_is_said_with_what_it_means(
    version: tuple[int, int, int], level: str, says: str
) -> None:
    found = engine.sqlite(version, has_locks=True)
    assert found.level == level
    assert says in found.says
    assert ".".join(map(str, version)) in found.says


@pytest.mark.parametrize(
    ("kind", "level"), [("nfs4", "fail"), ("overlay", "warn"), ("ext4", "ok"), (None, "ok")]
)
def test_a_file_system_is_said_with_what_it_means(kind: str | None, level: str) -> None:
    found = disk.of_kind(kind, Path("/data/ledger.db"))
    assert found.level == level
    assert bool(found.cure) is (level != "ok")


def test_on_windows_the_line_for_its_access_lists_is_printed() -> None:
    found = disk.icacls(PureWindowsPath(r"C:\Users\Zoë\ledger home"))
    assert found.cure.startswith(r'icacls "C:\Users\Zoë\ledger home" /inheritance:r /grant:r ')


def test_proxies_and_certificates_are_shown_without_a_password(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy.example:3128")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    found = examine(rows.home)
    assert "http://proxy.example:3128" in by_check(found)["proxies"][1]
    assert by_check(found)["certificates"][0] == "fail"
    assert "canary" not in str(found)


def test_a_broken_config_is_a_finding(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow"), 1)
    rows.book()
    (tmp_path / "flow/flow_json/openrouter_skill_config.json").write_text("{", "ascii")
    level, says = by_check(examine(rows.home))["config files"]
    assert level == "fail"
    assert "openrouter_skill_config.json" in says
    (rows.home / "api_json").mkdir(exist_ok=True)
    (rows.home / "api_json/openrouter_config.json").write_text("[", "ascii")
    found = examine(rows.home)
    assert found.worst == "fail"
    assert not [each for each in found.findings if "it could not be found out" in each.says]


def test_a_check_that_fails_itself_keeps_no_other_from_being_made(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ill(patient: object) -> Iterator[Any]:
        yield from ()
        raise RuntimeError("ill")

    monkeypatch.setattr(examination, "CHECKS", (ill, *examination.CHECKS))
    found = examine(rows.home)
    assert found.findings[0].check == "ill"
    assert "RuntimeError: ill" in found.findings[0].says
    assert len(found.findings) > len(examination.CHECKS) // 2


def test_the_command_prints_findings_and_says_by_its_code_whether_all_is_well(
    rows: Rows, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    rows.book()
    asked = ["doctor", "--offline", "--home", str(rows.home)]
    assert main(asked) == 0
    assert "\nok    key: sk-or-v1-aba...abab from " in capsys.readouterr().out
    assert main([*asked, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("OPENROUTER_API_KEY", "nonsense")
    assert main([*asked, "--json"]) == 1
    found = exact.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    assert found["worst"] == "fail"
    assert {"check", "level", "says", "cure"} == set(found["findings"][0])
