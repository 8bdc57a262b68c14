"""What other programs kept comes into the books once, exactly, whole, and marked as theirs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import engines
import freezegun
import pytest
from callkit import call, count, only, open_ledger, rows
from export_rows import exact

from ledger.books import ids
from ledger.client import Ledger
from ledger.errors import ImportFailed, LedgerError, RequestInvalid
from ledger.sandbox import Sandbox

ERRORS: tuple[Literal["skip", "stop"], ...] = ("skip", "stop")
TABLES = ("request", "outcome", "imported_file", "imported_call", "opening_balance", "caller")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with open_ledger(home, "https://openrouter.ai/api/v1") as opened:
        yield opened


def usage(cost: str, **more: Any) -> dict[str, Any]:
    return {"total_cost": Decimal(cost), "tokens_prompt": 10, "tokens_completion": 5} | more


def tracked(caller: str, at: str, cost: str, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": at, "caller": caller, "model": "openai/gpt-4o",
        "usage_data": usage(cost, **more),
    }  # fmt: skip


def stated(cost: str, requests: int, tokens: int = 0) -> dict[str, Any]:
    return {"requests": requests, "total_cost": Decimal(cost), "total_tokens": tokens}


TRACKER: dict[str, Any] = {
    "generation_tracking": {
        "gen-1": tracked("flow_mbank", "2025-08-30T10:00:00.123", "0.1", latency=420),
        "gen-2": tracked("multi_skill:orchestrator->skill1->skill2", "2025-09-01T00:30:00", "0.2"),
    },
    "usage_by_caller": {
        "flow_mbank": stated("0.30000000000000004", 5, 100),
        "multi_skill:orchestrator->skill1->skill2": stated("0.2", 1, 15),
    },
    "daily_totals": {"2025-08-30": stated("0.15", 2), "2025-09-01": stated("0.2", 1)},
    "monthly_totals": {"2025-08": stated("0.25", 4), "2025-09": stated("0.2", 1)},
}


def save(path: Path, document: Any) -> Path:
    from ledger.openrouter import exact as exactly

    path.write_text(exactly.dumps(document), "utf-8")
    return path


@pytest.fixture
def tracker(tmp_path: Path) -> Path:
    return save(tmp_path / "usage_tracker_data.json", {"data": TRACKER})


def state(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that an import writes to."""
    return {table: rows(home, f"select * from {table} order by id") for table in TABLES}


def declared(home: Path, view: str, of: str) -> dict[str, Decimal]:
    found = rows(home, f"select {of}, declared_usd from {view}")
    return {row[of]: Decimal(row["declared_usd"]) for row in found}


# --- what is booked -----------------------------------------------------------------------


def test_calls_and_what_totals_state_beyond_them_are_booked_once(
    ledger: Ledger, home: Path, tracker: Path
) -> None:
    found = ledger.import_file(tracker, tz="Europe/Warsaw")
    assert (found.kind, found.calls, found.booked, found.known) == ("usage_tracker", 2, 2, 0)
    assert (found.calls_usd, found.balances_usd) == (Decimal("0.3"), Decimal("0.2"))
    first = only(home, "select * from request_status where generation_id = 'gen-1'")
    assert first["started_at"] == "2025-08-30T08:00:00.123000Z"
    assert (first["source"], first["cost_grade"]) == ("import:usage_tracker", "declared")
    assert (first["total_usd"], first["latency_ms"]) == ("0.1", 420)
    chained = only(home, "select * from request_status where generation_id = 'gen-2'")
    assert (chained["caller"], chained["chain"]) == ("skill2", "orchestrator->skill1->skill2")
    assert chained["day"] == "2025-08-31"  # it was after midnight in Warsaw alone
    assert declared(home, "caller_usage", "caller") == {
        "flow_mbank": Decimal("0.3"), "skill2": Decimal("0.2"),
    }  # fmt: skip
    assert declared(home, "monthly_usage", "month") == {"2025-08": Decimal("0.5")}
    assert sum(declared(home, "daily_usage", "day").values()) == Decimal("0.5")
    assert sum(declared(home, "model_usage", "model").values()) == Decimal("0.5")
    assert {row.bucket: row.declared_usd for row in ledger.report("month")} == {"2025-08": "0.5"}
    months = rows(home, "select total_pico, declared_requests from monthly_usage")
    assert months == [{"total_pico": 0, "declared_requests": 2}]


def test_every_report_tells_the_same_of_what_was_declared(ledger: Ledger, tracker: Path) -> None:
    ledger.import_file(tracker, tz="UTC")
    for by in ("hour", "day", "week", "month", "caller", "model", "provider", "status"):
        for zone in ("UTC", "Asia/Kathmandu"):
            report = ledger.report(by, tz=zone)
            assert sum(row.declared_pico for row in report) == 500_000_000_000, (by, zone)
            assert report.totals.declared_pico == 500_000_000_000
    assert {row.caller: row.declared_usd for row in ledger.report("caller")} == {
        "flow_mbank": "0.3", "skill2": "0.2",
    }  # fmt: skip
    crossed = ledger.report("month", "caller")
    assert sum(row.declared_pico for row in crossed) == 500_000_000_000
    assert ledger.report("day", since="2025-09").totals.declared_usd == "0.2"


def test_imported_twice_nothing_changes(ledger: Ledger, home: Path, tracker: Path) -> None:
    ledger.import_file(tracker, tz="Europe/Warsaw")
    before = state(home)
    again = ledger.import_file(tracker, tz="Europe/Warsaw")
    assert (again.booked, again.known, again.balances) == (0, 2, 0)
    moved = tracker.rename(tracker.with_name("old.json"))
    assert ledger.import_file(moved, tz="UTC").booked == 0
    assert state(home) == before


def test_a_file_that_has_grown_adds_what_is_new(
    ledger: Ledger, home: Path, tracker: Path, tmp_path: Path
) -> None:
    ledger.import_file(tracker, tz="UTC")
    grown = json.loads(tracker.read_text(), parse_float=Decimal)
    data = grown["data"]
    data["generation_tracking"]["gen-3"] = tracked("flow_mbank", "2025-09-02T10:00:00", "0.05")
    data["usage_by_caller"]["flow_mbank"] = stated("0.36", 7, 120)
    data["daily_totals"]["2025-09-02"] = stated("0.06", 2)
    data["monthly_totals"]["2025-09"] = stated("0.26", 3)
    found = ledger.import_file(save(tmp_path / "elsewhere.json", grown), tz="UTC")
    assert (found.booked, found.known) == (1, 2)
    assert (found.calls_usd, found.balances_usd) == (Decimal("0.05"), Decimal("0.01"))
    assert declared(home, "caller_usage", "caller")["flow_mbank"] == Decimal("0.36")
    assert sum(declared(home, "daily_usage", "day").values()) == Decimal("0.56")
    older = ledger.import_file(tracker, tz="UTC")  # takes nothing back
    assert (older.booked, older.balances) == (0, 0)


def test_calls_that_become_known_later_are_taken_out_of_the_balance(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    data = save(
        tmp_path / "api_data.json",
        {"usage_by_caller": {"flow": stated("1.5", 3)}, "daily_totals": {}},
    )
    assert ledger.import_file(data).balances_usd == Decimal("1.5")
    entry = {
        "timestamp": "2025-08-30T10:00:00Z", "caller": "flow", "model": "m",
        "generation_id": "gen-1", "status": "success", "tokens": 150,
        "cost": Decimal("0.5"), "latency_ms": 420,
    }  # fmt: skip
    save(tmp_path / "api_log.json", {"logs": [entry]})
    found = ledger.import_file(data)
    assert (found.booked, found.balances_usd) == (1, Decimal("-0.5"))
    assert declared(home, "caller_usage", "caller") == {"flow": Decimal("1.5")}
    assert only(home, "select * from caller_usage")["undivided_tokens"] == 150
    assert ledger.import_file(tmp_path / "api_log.json").booked == 0
    assert declared(home, "caller_usage", "caller") == {"flow": Decimal("1.5")}


def test_a_total_below_its_calls_is_told_and_books_nothing(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    data = {**TRACKER, "usage_by_caller": {}, "monthly_totals": {}}
    data["daily_totals"] = {"2025-08-30": stated("0.04", 1)}
    found = ledger.import_file(save(tmp_path / "x.json", {"data": data}), tz="UTC")
    assert (found.balances, count(home, "opening_balance")) == (0, 0)
    assert any("0.06 more than the 0.04 stated" in note for note in found.notes)


def test_calls_without_an_id_are_told_apart_by_what_is_said_of_them(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    entry = {"timestamp": "2025-08-30T10:00:00", "caller": "a", "model": "m", "status": "error"}
    logs = [entry, entry, {**entry, "caller": "b"}]
    path = save(tmp_path / "log.json", {"logs": logs})
    assert ledger.import_file(path, tz="UTC").booked == 3
    assert ledger.import_file(path, tz="UTC").booked == 0
    path = save(tmp_path / "log.json", {"logs": [*logs, {**entry, "caller": "c"}]})
    assert ledger.import_file(path, tz="UTC").booked == 1
    assert count(home, "request") == 4
    assert {row["status"] for row in rows(home, "select status from request_status")} == {"failed"}


def test_what_nobody_says_the_cost_of_is_asked_for_and_nothing_else(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    entry = {"timestamp": "2025-08-30T10:00:00Z", "caller": "a", "model": "m"}
    logs = [
        {**entry, "generation_id": "gen-1", "cost": None},
        {**entry, "generation_id": "gen-2", "cost": 1},
        {**entry, "cost": None},
    ]
    ledger.import_file(save(tmp_path / "log.json", {"logs": logs}))
    graded = rows(home, "select generation_id, cost_grade from request_status order by id")
    assert [row["cost_grade"] for row in graded] == ["pending", "declared", "unknown"]
    asked = rows(home, "select generation_id from unsettled_requests")
    assert [row["generation_id"] for row in asked] == ["gen-1"]


def test_a_caller_of_the_books_has_its_imported_calls_and_others_can_be_named(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    entry = {"timestamp": "2025-08-30T10:00:00Z", "model": "m", "cost": Decimal("0.1")}
    path = save(tmp_path / "log.json", {"logs": [entry, {**entry, "caller": "Ünlü Caller!"}]})
    ledger.import_file(path, caller="somebody")
    found = {row["caller"] for row in rows(home, "select caller from request_status")}
    assert found == {"somebody", "_nl_caller_"}


def test_a_module_finds_its_name_free_and_its_past_under_it(
    ledger_sandbox: Sandbox, home: Path, tracker: Path
) -> None:
    with open_ledger(home, ledger_sandbox.base_url) as ledger:
        ledger.import_file(tracker, tz="UTC")
    with open_ledger(home, ledger_sandbox.base_url) as ledger:
        call(ledger, "sync", model="openai/gpt-4o-mini", caller="flow_mbank")
        ledger.import_file(tracker, tz="UTC")
        row = only(home, "select * from caller_usage where caller = 'flow_mbank'")
        assert (row["requests"], row["declared_usd"]) == (2, "0.3")
        ledger.export()
        (path,) = home.parent.rglob("openrouter_skill_data.json")
        shown = exact(path)["data"]["flow_mbank"]
        assert (shown["requests"], shown["declared_cost"]) == (6, Decimal("0.3"))
        assert [found.name for found in ledger.callers() if found.name == "flow_mbank"]


# --- the round trip -----------------------------------------------------------------------


def files_of(home: Path) -> dict[str, Any]:
    folder = home / "api_json"
    data, log = exact(folder / "api_data.json"), exact(folder / "api_log.json")
    del data["current_session"]
    return {"data": data, "log": log}


@pytest.mark.parametrize("order", [("api_data",), ("api_log", "api_data"), ("api_data", "api_log")])
def test_the_json_files_of_one_ledger_become_the_same_in_another(
    ledger: Ledger, home: Path, tracker: Path, tmp_path: Path, order: tuple[str, ...]
) -> None:
    ledger.import_file(tracker, tz="Europe/Warsaw")
    ledger.export()
    with open_ledger(tmp_path / "other", "https://openrouter.ai/api/v1") as other:
        for name in order:
            other.import_file(home / "api_json" / f"{name}.json")
        other.export()
        assert files_of(tmp_path / "other") == files_of(home)


def test_what_the_ledger_recorded_itself_changes_nothing(
    ledger_sandbox: Sandbox, tmp_path: Path, home: Path
) -> None:
    with open_ledger(home, ledger_sandbox.base_url) as ledger:
        for number in range(3):
            call(ledger, "sync", model="openai/gpt-4o-mini", caller=f"flow_{number % 2}")
        with pytest.raises(LedgerError):
            call(ledger, "sync", model="sandbox/error-500", caller="flow_0")
        ledger.settle()
        ledger.export()
        before, kept = state(home), tmp_path / "kept"
        kept.mkdir()
        exported = [
            *(home / "api_json").glob("api_[dl]*.json"),
            *(tmp_path / "callers").rglob("openrouter_skill_[dl]*.json"),
            *(home / "callers").rglob("openrouter_skill_[dl]*.json"),
        ]
        assert len(exported) >= 4
        for path in exported:
            ledger.import_file(path)
            copied = kept / path.name
            copied.write_bytes(path.read_bytes())
            ledger.import_file(copied)
        assert state(home) == before


def test_it_does_so_after_a_clock_was_set_back_too(
    ledger_sandbox: Sandbox, tmp_path: Path, home: Path
) -> None:
    with freezegun.freeze_time("2026-12-02T10:00:00"):
        ids.new_id()  # those that follow go on from it
    with open_ledger(home, ledger_sandbox.base_url) as ledger:
        with pytest.raises(LedgerError):
            call(ledger, "sync", model="sandbox/error-500", caller="flow_0")
        ledger.export()
        before = state(home)
        (found,) = (home / "api_json").glob("api_data.json")
        copied = tmp_path / "copied"
        copied.mkdir()
        for path in found.parent.glob("api_[dl]*.json"):
            (copied / path.name).write_bytes(path.read_bytes())
        ledger.import_file(copied / found.name)
        assert state(home) == before


# --- bad rows and broken files ------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str]] = [
    ({"cost": Decimal("-0.1")}, "negative"),
    ({"cost": Decimal("1E+30")}, "range"),
    ({"cost": 10**400}, "range"),
    ({"cost": "a lot"}, "no number"),
    ({"cost": True}, "type"),
    ({"cost": [1]}, "type"),
    ({"tokens": -1}, "negative"),
    ({"tokens": Decimal("1.5")}, "fraction"),
    ({"latency_ms": "soon"}, "no number"),
    ({"timestamp": None}, "no time"),
    ({"timestamp": "yesterday"}, "no time that can be read"),
    ({"timestamp": "2025-02-30T10:00:00"}, "calendar"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "out of range"),
    ({"generation_id": "gen 1\n"}, "spaces or control"),
    ({"generation_id": 7}, "no text but number"),
    ({"model": {}}, "no text but object"),
    ({"status": "well"}, "status is none of"),
]


@pytest.mark.parametrize(("change", "why"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_listed_and_skipped_or_stops_the_import(
    ledger: Ledger, home: Path, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    entry = {"timestamp": "2025-08-30T10:00:00Z", "caller": "a", "model": "m", "cost": 1}
    path = save(tmp_path / "api_log.json", {"logs": [entry, entry | change, {**entry, "cost": 2}]})
    with pytest.raises(ImportFailed, match="Nothing of it was booked") as caught:
        ledger.import_file(path, on_error="stop")
    assert why in str(caught.value)
    assert "logs[1]" in str(caught.value)
    assert count(home, "request") == count(home, "imported_file") == 0
    found = ledger.import_file(path)
    assert (found.booked, found.bad_rows) == (2, 1)
    assert found.bad[0].place == "logs[1]"
    assert why in found.bad[0].reason


def test_nan_nul_and_lone_surrogates_are_read_for_what_they_are(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "log.json"
    path.write_text(
        '\ufeff{"logs": [{"timestamp": "2025-08-30T10:00:00Z", "caller": "a", "cost": NaN},'
        ' {"timestamp": "2025-08-30T10:00:00Z", "caller": "\\ud800\\u0000=x",'
        ' "model": "m\\u0000"}]}',
        "utf-8",
    )
    found = ledger.import_file(path)
    assert [row.reason for row in found.bad] == ["cost is no amount: nan"]
    assert only(home, "select model_asked from request")["model_asked"] == "m\ufffd"


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("empty", lambda path: path.write_bytes(b""), "it is empty"),
    ("torn", lambda path: path.write_text('{"logs": [{"timestamp": "2025'), "in the middle"),
    (
        "torn behind good rows",
        lambda path: path.write_text(
            '{"logs": [' + '{"timestamp": "2025-08-30T10:00:00Z", "cost": 1},' * 9000
        ),
        "in the middle",
    ),
    ("two documents", lambda path: path.write_text('{"logs": []} {}'), "follows the end"),
    ("no comma", lambda path: path.write_text('{"a": "x" "logs": []}'), "does not end"),
    ("utf-16", lambda path: path.write_text('{"logs": []}', "utf-16"), "UTF-16"),
    ("latin-1", lambda path: path.write_bytes(b'{"logs": [{"caller": "\xfc"}]}'), "UTF-8"),
    ("html", lambda path: path.write_text("<html>"), "not JSON"),
    ("deep", lambda path: path.write_text('{"logs": [' + "[" * 200_000), "it is broken"),
    ("unknown", lambda path: path.write_text('{"a": 1}'), "none of the kinds"),
    ("operations", lambda path: path.write_text('{"logs": [{"operation": "x"}]}'), "none of the"),
    ("folder", lambda path: path.mkdir(), "it is a folder"),
    ("nowhere", lambda path: None, "No such file"),
    ("pipe", os.mkfifo, "no regular file"),
]


@pytest.mark.parametrize(("make", "why"), [each[1:] for each in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_file_is_refused_whole(
    ledger: Ledger, home: Path, tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "file.json"
    make(path)
    for on_error in ERRORS:
        with pytest.raises(ImportFailed, match=why) as caught:
            ledger.import_file(path, on_error=on_error)
        assert str(path) in str(caught.value)
    assert count(home, "imported_file") == count(home, "request") == 0


def test_an_unknown_kind_or_zone_is_said(ledger: Ledger, tracker: Path) -> None:
    with pytest.raises(RequestInvalid, match="usage_tracker"):
        ledger.import_file(tracker, kind="xls")
    with pytest.raises(RequestInvalid, match="Mars"):
        ledger.import_file(tracker, tz="Mars/Olympus")


# --- size, kills, rivals ------------------------------------------------------------------


def big(path: Path, calls: int) -> Path:
    entries = (
        f'"gen-{number}": {{"timestamp": "2025-08-{1 + number % 28:02}T10:00:00",'
        f' "caller": "flow_{number % 7}", "model": "m", "usage_data": {{"total_cost": 0.000001}}}}'
        for number in range(calls)
    )
    total = Decimal("0.000001") * calls + Decimal("0.5")
    path.write_text(
        '{"data": {"generation_tracking": {' + ", ".join(entries) + "}, "
        f'"monthly_totals": {{"2025-08": {{"requests": {calls + 1}, "total_cost": {total}}}}}}}}}'
    )
    return path


SCRIPT = """
import sys
from ledger.client import Ledger
with Ledger(home=sys.argv[1], background=False) as ledger:
    print("ready", flush=True)
    ledger.import_file(sys.argv[2], tz="UTC")
"""


def start(home: Path, path: Path) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "LEDGER_URL": engines.url_of(home) or ""}
    environ = {name: value for name, value in environ.items() if value}
    command = [sys.executable, "-c", SCRIPT, str(home), str(path)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)


def test_an_import_that_is_killed_goes_on_where_it_was(home: Path, tmp_path: Path) -> None:
    path, seen = big(tmp_path / "big.json", 6000), []
    with open_ledger(home, "https://openrouter.ai/api/v1") as ledger:
        ledger.books.prepare()
    for wait in (0.1, 0.4, 0.8):
        running = start(home, path)
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(wait)
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        seen.append(count(home, "request"))
        assert count(home, "imported_call") == count(home, "outcome") == seen[-1]
    with open_ledger(home, "https://openrouter.ai/api/v1") as ledger:
        found = ledger.import_file(path, tz="UTC")
        assert (found.calls, found.known) == (6000, seen[-1])
        assert ledger.import_file(path, tz="UTC").booked == 0
    assert count(home, "request") == 6000
    assert only(home, "select declared_usd from monthly_usage")["declared_usd"] == "0.506"


def test_two_imports_at_once_book_one(home: Path, tmp_path: Path, tracker: Path) -> None:
    with open_ledger(home, "https://openrouter.ai/api/v1") as ledger:
        ledger.books.prepare()
    path = big(tmp_path / "big.json", 1500)
    running = [start(home, path) for _ in range(3)]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    for each in running:
        assert each.stdout is not None
        each.stdout.close()
    assert count(home, "request") == 1500
    assert only(home, "select declared_usd from monthly_usage")["declared_usd"] == "0.5015"


def test_a_large_file_takes_little_memory(ledger: Ledger, tmp_path: Path) -> None:
    import tracemalloc

    from ledger.exchange.imports import importing, sources
    from ledger.exchange.imports.zones import Zone

    path = big(tmp_path / "big.json", 60_000)
    assert path.stat().st_size > 7_000_000
    tracemalloc.start()
    try:
        source = sources.open_source(str(path), None)
        found = sum(1 for _ in importing._dated(source, Zone("UTC"), None, None))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == 60_001
    assert peak < 5_000_000
