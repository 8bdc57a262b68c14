import os
import stat
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from export_rows import Rows, exact, open_rows

from ledger import errors
from ledger.client import Ledger
from ledger.exchange.snapshots import export
from ledger.sandbox import Sandbox

_CONFIG = "openrouter_skill_config.json"
_DATA = "openrouter_skill_data.json"
_LOG = "openrouter_skill_log.json"


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "home")
    yield opened
    opened.books.close()


@pytest.fixture
def sandbox_ledger(ledger_sandbox: Sandbox) -> Iterator[Ledger]:
    ledger = Ledger()
    yield ledger
    ledger.close()


def test_links_at_the_targets_are_not_followed(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow"), 1)
    rows.book()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    folder = tmp_path / "flow/flow_json"
    (folder / _DATA).unlink()
    (folder / _DATA).symlink_to(precious)
    (folder / _LOG).unlink()
    os.link(precious, folder / _LOG)
    export(rows.books, rows.home)
    assert precious.read_text() == "precious"
    assert not (folder / _DATA).is_symlink()
    assert exact(folder / _DATA)["data"]["flow"]["requests"] == 1
    assert len(exact(folder / _LOG)["logs"]) == 1


def test_files_are_private(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", tmp_path / "flow"), 1)
    rows.book()
    report = export(rows.books, rows.home)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in report.written}
    assert modes == {0o600}


def test_exporters_at_the_same_time_leave_whole_files(rows: Rows, tmp_path: Path) -> None:
    callers = [rows.caller(f"c{n}", tmp_path / f"c{n}") for n in range(3)]
    stop = False

    def read() -> int:
        reads = 0
        while not stop:
            for path in tmp_path.rglob("*_log.json"):
                exact(path)
                reads += 1
        return reads

    rows.book()
    export(rows.books, rows.home)
    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        for round_ in range(8):
            for caller in callers:
                rows.call(caller, round_)
            rows.book()
            exporters = [pool.submit(export, rows.books, rows.home) for _ in range(3)]
            for each in exporters:
                assert each.result().skipped == ()
        stop = True
        assert reader.result() > 0
    assert len(exact(rows.home / "api_json/api_log.json")["logs"]) == 24


@pytest.mark.one_engine
def test_every_entry_of_many_is_written_in_little_memory(rows: Rows, tmp_path: Path) -> None:
    caller = rows.caller("flow", tmp_path / "flow")
    for number in range(20_000):
        rows.call(caller, number, model="openai/gpt-4o", prompt_tokens=1, completion_tokens=2)
    rows.book()
    export(rows.books, rows.home)
    tracemalloc.start()
    try:
        export(rows.books, rows.home, every_entry=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = (rows.home / "api_json/api_log.json").stat().st_size
    assert size > 3_500_000
    assert peak < 1_500_000
    assert len(exact(tmp_path / "flow/flow_json" / _LOG)["logs"]) == 20_000


def test_real_calls_are_in_the_files(
    sandbox_ledger: Ledger, ledger_sandbox: Sandbox, tmp_path: Path
) -> None:
    ledger_sandbox.reply(model="a/b", text="fine", tokens=(120, 30), cost="0.0012345678901234567")
    ledger = sandbox_ledger
    with pytest.raises(errors.CallerProvisioned):
        ledger.get_response("hi", caller="flow_x")
    reply = ledger.get_response("hi", model="a/b", caller="flow_x")
    ledger_sandbox.fail(402)
    with pytest.raises(errors.CreditsExhausted):
        ledger.get_response("hi", model="c/d", caller="flow_x")
    report = ledger.export()
    data: Any = exact(ledger.settings.home / "api_json/openrouter_data.json")["data"]
    assert (data["total_requests"], data["successful_requests"]) == (2, 1)
    assert (data["failed_requests"], data["open_requests"], data["refused_calls"]) == (1, 0, 1)
    assert list(data["provisioned_configs"]) == ["flow_x"]
    log = exact(ledger.settings.home / "api_json/api_log.json")["logs"]
    assert [each["status"] for each in log] == ["success", "failed"]
    assert log[0]["generation_id"] == reply.generation_id
    text = (ledger.settings.home / "api_json/api_log.json").read_text("ascii")
    assert '"tokens":150,"cost":0.00123456789,' in text.replace(" ", "")
    operations = exact(ledger.settings.home / "api_json/openrouter_log.json")["logs"]
    assert [each["operation"] for each in operations] == [
        "provision_config",
        "refuse_call",
        "request_failed",
    ]
    skill = next(path for path in report.written if path.name == _LOG)
    assert skill.is_relative_to(tmp_path / "callers")
    assert exact(skill)["logs"] == log
    for path in report.written:
        assert ledger_sandbox.key not in path.read_text("ascii")
