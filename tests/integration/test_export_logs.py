import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from books_kit import ask
from export_rows import START, Rows, exact, open_rows

from ledger.exchange.documents import ascii_bytes
from ledger.exchange.snapshots import export

_API = Path("api_json")


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "home")
    yield opened
    opened.books.close()


def _api_data(rows: Rows) -> Any:
    return exact(rows.home / _API / "api_data.json")


def _api_log(rows: Rows) -> Any:
    return exact(rows.home / _API / "api_log.json")


def _own_data(rows: Rows) -> Any:
    return exact(rows.home / _API / "openrouter_data.json")["data"]


def test_a_log_entry_has_the_plans_keys_and_the_best_known_figures(
    rows: Rows, tmp_path: Path
) -> None:
    caller = rows.caller("flow_mbank", tmp_path / "flow")
    rows.call(
        caller,
        150_000_000,
        generation_id="gen-1",
        model="openai/gpt-4",
        prompt_tokens=100,
        completion_tokens=50,
    )
    rows.generation("gen-1", 151_000_000, native_tokens_prompt=120, native_tokens_completion=60)
    rows.call(caller, None, model_asked="some/model")
    rows.call(None, 5, prompt_tokens=7)
    rows.book()
    export(rows.books, rows.home)
    first, second, third = _api_log(rows)["logs"]
    assert first == {
        "timestamp": "2026-11-23T10:00:00.000000Z",
        "caller": "flow_mbank",
        "model": "openai/gpt-4",
        "generation_id": "gen-1",
        "status": "success",
        "tokens": 180,
        "cost": Decimal("0.000151"),
        "latency_ms": 420,
    }
    assert (second["cost"], second["tokens"], second["model"]) == (None, None, "some/model")
    assert (third["caller"], third["tokens"]) == (None, 7)
    assert third["cost"] == Decimal("0.000000000005")
    data = _api_data(rows)
    assert data["usage_by_caller"]["flow_mbank"]["settled_cost"] == Decimal("0.000151")
    assert data["usage_by_caller"]["flow_mbank"]["unknown_requests"] == 1
    assert data["usage_by_caller"]["(unknown)"]["requests"] == 1
    skill = exact(tmp_path / "flow/flow_json/openrouter_skill_log.json")
    assert skill["skill_name"] == "openrouter"
    assert skill["logs"] == [first, second]


def test_operations_are_provisioning_refusals_and_failures(rows: Rows, tmp_path: Path) -> None:
    caller = rows.caller("flow_mbank", tmp_path / "flow")
    path = tmp_path / "flow/flow_json/openrouter_skill_config.json"
    rows.event(caller, "created", path)
    rows.refusal(caller)
    rows.call(caller, status="failed", error_type="RateLimited", error_message="slow down")
    rows.event(caller, "refused", path, "the folder cannot be written")
    rows.book()
    export(rows.books, rows.home)
    document = exact(rows.home / _API / "openrouter_log.json")
    assert document["module_name"] == "openrouter"
    created, refused_call, refused, failed = document["logs"]
    assert created == {
        "timestamp": "2026-11-23T10:00:00.000000Z",
        "operation": "provision_config",
        "caller": "flow_mbank",
        "success": True,
        "details": f"Created API config at {path}",
    }
    assert refused_call["operation"] == "refuse_call"
    assert refused_call["details"] == "ModelRequired: a model must be passed"
    assert refused["success"] is False
    assert "cannot be written" in refused["details"]
    assert (failed["operation"], failed["success"]) == ("request_failed", False)
    assert failed["details"] == "RateLimited: slow down"
    own = _own_data(rows)
    assert own["provisioned_configs"] == {"flow_mbank": "2026-11-23T10:00:00.000000Z"}
    assert own["callers_tracked"] == ["flow_mbank"]


def test_texts_beyond_ascii_are_escaped_and_read_back(rows: Rows, tmp_path: Path) -> None:
    folder = tmp_path / "füße 😀"
    caller = rows.caller("fuesse", folder)
    rows.call(caller, 1, model='größe/😀"\\\n')
    rows.event(caller, "created", folder)
    rows.book()
    export(rows.books, rows.home)
    path = folder / "füße 😀_json" / "openrouter_skill_log.json"
    assert path.read_bytes().isascii()
    assert b"\\ud83d\\ude00" in path.read_bytes()
    assert exact(path)["logs"][0]["model"] == 'größe/😀"\\\n'
    details = exact(rows.home / _API / "openrouter_log.json")["logs"][0]["details"]
    assert details == f"Created API config at {folder}"


def test_modules_read_the_files_whatever_their_locale(rows: Rows, tmp_path: Path) -> None:
    rows.call(rows.caller("x", tmp_path / "größe"), 1, model="größe/😀")
    rows.book()
    report = export(rows.books, rows.home)
    script = "import json, sys\nfor p in sys.argv[1:]: json.load(open(p, 'r'))"
    command = [sys.executable, "-X", "utf8=0", "-c", script, *map(str, report.written)]
    environment = os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(command, env=environment, check=True)


def test_logs_show_the_last_thousand_and_say_so_unless_all_are_asked_for(
    rows: Rows, tmp_path: Path
) -> None:
    callers = [rows.caller(f"c{n}", tmp_path / f"f{n}") for n in range(2)]
    for number in range(2500):
        second = number % 2 == 1 and number < 200
        rows.call(callers[second], status="failed")
    rows.book()
    export(rows.books, rows.home)
    api, own = (rows.home / _API / f"{name}_log.json" for name in ("api", "openrouter"))
    skills = [tmp_path / f"f{n}/f{n}_json/openrouter_skill_log.json" for n in range(2)]
    shown = exact(api)
    assert (shown["entries_shown"], shown["entries_total"]) == (1000, 2500)
    assert len(shown["logs"]) == 1000
    assert shown["logs"][-1]["timestamp"] == "2026-11-23T10:41:39.000000Z"
    assert len(exact(own)["logs"]) == 1000
    assert [exact(path)["entries_shown"] for path in skills] == [1000, 100]
    assert [exact(path)["entries_total"] for path in skills] == [2400, 100]
    assert exact(skills[0])["logs"][-1] == shown["logs"][-1]
    export(rows.books, rows.home, every_entry=True)
    assert len(exact(api)["logs"]) == exact(api)["entries_shown"] == 2500
    assert exact(api)["logs"][-1000:] == shown["logs"]
    assert [len(exact(path)["logs"]) for path in skills] == [2400, 100]


def test_entries_stand_in_the_order_of_their_time_also_when_booked_late(rows: Rows) -> None:
    caller = rows.caller("x", None)
    for late in (5, 1, 3):
        rows.call(caller, 1, at=START + dt.timedelta(hours=late))
    rows.book()
    for every_entry in (False, True):
        export(rows.books, rows.home, every_entry=every_entry)
        hours = [each["timestamp"][11:13] for each in _api_log(rows)["logs"]]
        assert hours == ["11", "13", "15"]


def test_view_and_file_hold_the_same(rows: Rows, tmp_path: Path) -> None:
    caller = rows.caller("größe_x", tmp_path / "größe")
    for number in range(20):
        rows.call(caller, number * 10**9, model=f"m/{number}")
    rows.book()
    export(rows.books, rows.home)
    [(data,)] = ask(rows.books.path, "SELECT document FROM export_api_data")
    log = ask(rows.books.path, "SELECT entry FROM export_api_log ORDER BY at, id")
    assert _api_data(rows) == json.loads(data, parse_float=Decimal)
    lines = (rows.home / _API / "api_log.json").read_text("ascii").splitlines()
    shown = [line.strip().rstrip(",") for line in lines if line.startswith("    {")]
    assert shown == [ascii_bytes(entry).decode() for (entry,) in log]
    assert any("größe_x" in entry for (entry,) in log)
