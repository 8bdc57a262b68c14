import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_rows import START, Rows, exact, open_rows

from ledger import errors
from ledger.books.models import Process
from ledger.client import Ledger
from ledger.exchange.snapshots import export

_CONFIG = "openrouter_skill_config.json"
_DATA = "openrouter_skill_data.json"
_LOG = "openrouter_skill_log.json"


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "home")
    yield opened
    opened.books.close()


def _bytes_and_times(folder: Path) -> dict[Path, tuple[bytes, int, int]]:
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in sorted(folder.rglob("*.json"))
    }


def test_a_second_export_changes_no_byte_and_no_mtime(rows: Rows, tmp_path: Path) -> None:
    for name in ("flow", "prax"):
        caller = rows.caller(name, tmp_path / name)
        rows.call(caller, 10**9)
        rows.refusal(caller)
    rows.book()
    first = export(rows.books, rows.home)
    before = _bytes_and_times(tmp_path)
    second = export(rows.books, rows.home)
    assert _bytes_and_times(tmp_path) == before
    assert second.written == ()
    assert set(second.unchanged) == set(first.written) | set(first.unchanged)
    assert len(second.unchanged) == 8


def test_only_the_files_that_a_call_concerns_are_written(rows: Rows, tmp_path: Path) -> None:
    callers = [rows.caller(name, tmp_path / name) for name in ("flow", "prax")]
    for caller in callers:
        rows.call(caller, 10**9)
    rows.book()
    export(rows.books, rows.home)
    rows.call(callers[0], 10**9)
    rows.book()
    written = {path.name for path in export(rows.books, rows.home).written}
    assert written == {_DATA, _LOG, "api_data.json", "api_log.json", "openrouter_data.json"}


def test_a_config_that_its_user_edited_is_left_alone(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow"), 1)
    rows.book()
    export(rows.books, rows.home)
    edited = [
        tmp_path / "flow/flow_json" / _CONFIG,
        rows.home / "api_json/openrouter_config.json",
        rows.home / "api_json/api_config.json",
    ]
    for path in edited:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"mine": 1}))
    before = [path.read_bytes() for path in edited]
    export(rows.books, rows.home)
    assert [path.read_bytes() for path in edited] == before
    edited[0].unlink()
    export(rows.books, rows.home)
    assert not edited[0].exists()


def test_a_folder_that_is_gone_is_skipped_and_not_made_again(rows: Rows, tmp_path: Path) -> None:
    gone, here = (rows.caller(name, tmp_path / name) for name in ("gone", "here"))
    for caller in (gone, here):
        rows.call(caller, 1)
    rows.book()
    export(rows.books, rows.home)
    for path in (tmp_path / "gone/gone_json").iterdir():
        path.unlink()
    (tmp_path / "gone/gone_json").rmdir()
    rows.call(here, 1)
    rows.book()
    report = export(rows.books, rows.home)
    assert report.skipped == (
        f"{tmp_path / 'gone/gone_json'}: caller gone's folder does not exist any more",
    )
    assert list((tmp_path / "gone").iterdir()) == []
    assert exact(tmp_path / "here/here_json" / _DATA)["data"]["here"]["requests"] == 2
    assert exact(rows.home / "api_json/api_data.json")["usage_by_caller"]["gone"]["requests"] == 1


def test_a_caller_of_another_host_is_skipped_until_it_calls_here(
    rows: Rows, tmp_path: Path
) -> None:
    there = Process(first_seen_at=START, host="another-host")
    rows.waiting.append(there)
    rows.book()
    caller = rows.caller("flow", tmp_path / "flow")
    caller.process_id = there.id
    rows.outcome(rows.request(caller, process_id=there.id), 1)
    rows.book()
    report = export(rows.books, rows.home)
    assert report.skipped == (f"{tmp_path / 'flow'}: caller flow is of another host, another-host",)
    rows.call(caller, 1)
    rows.book()
    assert export(rows.books, rows.home).skipped == ()
    assert exact(tmp_path / "flow/flow_json" / _DATA)["data"]["flow"]["requests"] == 2


def test_nothing_is_added_to_a_folder_where_provisioning_is_off(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow", provision=False), 1)
    rows.book()
    export(rows.books, rows.home)
    (tmp_path / "flow/flow_json").mkdir()
    config = rows.home / "api_json/openrouter_config.json"
    config.write_text(
        config.read_text().replace('"auto_provision": true', '"auto_provision": false')
    )
    report = export(rows.books, rows.home)
    assert "auto_provision is off" in report.skipped[0]
    assert list((tmp_path / "flow/flow_json").iterdir()) == []


def test_one_folder_that_fails_does_not_keep_the_others_from_theirs(
    rows: Rows, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        rows.call(rows.caller(name, tmp_path / name), 1)
    rows.book()
    blocked = tmp_path / "b/b_json" / _LOG
    blocked.unlink()
    blocked.mkdir()
    report = export(rows.books, rows.home)
    assert len(report.skipped) == 1
    assert report.skipped[0].startswith(f"{blocked} cannot be written: ")
    assert exact(tmp_path / "b/b_json" / _DATA)["data"]["b"]["requests"] == 1
    assert len(exact(tmp_path / "c/c_json" / _LOG)["logs"]) == 1
    assert sorted(each.name for each in blocked.parent.iterdir()) == [_CONFIG, _DATA, _LOG]


def test_a_file_of_the_home_that_fails_is_an_error_that_names_it(rows: Rows) -> None:
    export(rows.books, rows.home)
    blocked = rows.home / "api_json/api_data.json"
    blocked.unlink()
    blocked.mkdir()
    with pytest.raises(errors.SnapshotFailed, match=str(blocked)):
        export(rows.books, rows.home)
    blocked.rmdir()
    assert blocked in export(rows.books, rows.home).written


@pytest.mark.one_engine
def test_without_a_ledger_nothing_is_exported(tmp_path: Path) -> None:
    ledger = Ledger(home=tmp_path / "home", background=False)
    with pytest.raises(errors.LedgerUnavailable, match="no ledger"):
        ledger.export()
    ledger.close()
