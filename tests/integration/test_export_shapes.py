import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from export_rows import START, Rows, exact, open_rows

from ledger.books.models import Process
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


def test_an_empty_ledger_gives_zeros_and_all_six_files_of_the_home(rows: Rows) -> None:
    report = export(rows.books, rows.home)
    folder = rows.home / _API
    assert sorted(each.name for each in folder.iterdir()) == [
        f"{name}_{part}.json"
        for name in ("api", "openrouter")
        for part in ("config", "data", "log")
    ]
    assert _api_data(rows) == {
        "current_session": {"start_time": None, "total_requests": 0, "total_cost": 0},
        "usage_by_caller": {},
        "daily_totals": {},
        "monthly_totals": {},
    }
    assert _api_log(rows) == {"logs": [], "entries_shown": 0, "entries_total": 0}
    assert _own_data(rows) == {
        "total_requests": 0,
        "successful_requests": 0,
        "failed_requests": 0,
        "open_requests": 0,
        "refused_calls": 0,
        "provisioned_configs": {},
        "callers_tracked": [],
    }
    assert exact(folder / "openrouter_log.json") == {
        "module_name": "openrouter",
        "logs": [],
        "entries_shown": 0,
        "entries_total": 0,
    }
    assert len(report.written) == 4
    assert report.skipped == ()


def test_ten_thousand_costs_of_a_tenmillionth_are_exactly_a_thousandth(
    rows: Rows, tmp_path: Path
) -> None:
    caller = rows.caller("flow_mbank", tmp_path / "flow")
    for _ in range(10_000):
        rows.call(caller, 100_000)
    rows.book()
    export(rows.books, rows.home, every_entry=True)
    data = _api_data(rows)
    assert data["current_session"]["total_cost"] == Decimal("0.001")
    assert data["usage_by_caller"]["flow_mbank"]["total_cost"] == Decimal("0.001")
    assert data["daily_totals"]["2026-11-23"]["total_cost"] == Decimal("0.001")
    assert data["monthly_totals"]["2026-11"]["total_cost"] == Decimal("0.001")
    text = (rows.home / _API / "api_log.json").read_text("ascii")
    assert text.replace(" ", "").count('"cost":0.0000001,') == 10_000
    skill = exact(tmp_path / "flow/flow_json/openrouter_skill_data.json")["data"]["flow_mbank"]
    assert (skill["total_cost"], skill["requests"]) == (Decimal("0.001"), 10_000)


def test_random_books_agree_with_sums_made_another_way(rows: Rows, tmp_path: Path) -> None:
    chance = random.Random(7)
    callers = [rows.caller(f"caller_{n}", tmp_path / f"folder_{n}") for n in range(4)]
    by_caller: dict[str, list[int]] = {}
    by_day: dict[str, list[int]] = {}
    for _ in range(500):
        caller = chance.choice(callers)
        at = START + dt.timedelta(hours=chance.randrange(24 * 70))
        pico, tokens = chance.randrange(10**13), chance.randrange(5000)
        rows.call(caller, pico, at=at, prompt_tokens=tokens, completion_tokens=1)
        for sums, key in ((by_caller, caller.name), (by_day, f"{at:%Y-%m-%d}")):
            sum_ = sums.setdefault(key, [0, 0, 0])
            sums[key] = [sum_[0] + 1, sum_[1] + pico, sum_[2] + tokens + 1]
    rows.book()
    export(rows.books, rows.home)
    data = _api_data(rows)
    for part, sums in (("usage_by_caller", by_caller), ("daily_totals", by_day)):
        shown = {
            key: [each["requests"], each["total_cost"] * 10**12, each["total_tokens"]]
            for key, each in data[part].items()
        }
        assert shown == sums
        assert list(shown) == sorted(shown)
    months = {day[:7] for day in by_day}
    assert set(data["monthly_totals"]) == months
    total = sum(each["total_cost"] for each in data["monthly_totals"].values())
    assert total * 10**12 == sum(each[1] for each in by_day.values())


def test_the_parts_of_all_requests_add_up(rows: Rows, tmp_path: Path) -> None:
    caller = rows.caller("flow_mbank", tmp_path / "flow")
    for status in ("finished", "finished", "failed", "cancelled", "interrupted"):
        rows.call(caller, status=status)
    rows.request(caller)
    rows.refusal(caller)
    rows.refusal(None, "CallerUnknown")
    rows.book()
    export(rows.books, rows.home)
    own = _own_data(rows)
    assert own["total_requests"] == 6
    assert (own["successful_requests"], own["failed_requests"]) == (2, 3)
    assert (own["open_requests"], own["refused_calls"]) == (1, 2)
    skill = exact(tmp_path / "flow/flow_json/openrouter_skill_data.json")["data"]["flow_mbank"]
    assert skill["requests"] == 6
    assert (skill["successful_requests"], skill["failed_requests"]) == (2, 3)
    assert (skill["open_requests"], skill["refused_calls"]) == (1, 1)
    statuses = [each["status"] for each in _api_log(rows)["logs"]]
    assert statuses == ["success", "success", "failed", "cancelled", "interrupted", "open"]
    session = _api_data(rows)["current_session"]
    assert session["total_requests"] == 6


def test_what_a_provider_charged_itself_counts_where_the_key_is_ones_own(rows: Rows) -> None:
    caller = rows.caller("x", None)
    rows.call(caller, 5 * 10**10, upstream_pico=10**12, is_byok=True)
    rows.call(caller, 10**12, upstream_pico=10**12, is_byok=False)
    rows.book()
    export(rows.books, rows.home)
    assert _api_data(rows)["usage_by_caller"]["x"]["total_cost"] == Decimal("2.05")
    assert [each["cost"] for each in _api_log(rows)["logs"]] == [Decimal("1.05"), Decimal(1)]


def test_the_session_is_the_process_of_the_latest_request(rows: Rows) -> None:
    caller = rows.caller("x", None)
    rows.call(caller, 10**12)
    rows.book()
    later = Process(first_seen_at=START, host=None)
    rows.waiting.append(later)
    rows.book()
    rows.outcome(rows.request(caller, process_id=later.id), 7)
    rows.book()
    export(rows.books, rows.home)
    assert _api_data(rows)["current_session"] == {
        "start_time": "2026-11-23T10:00:00.000000Z",
        "total_requests": 1,
        "total_cost": Decimal("0.000000000007"),
    }


def test_two_callers_of_one_folder_stand_in_one_file(rows: Rows, tmp_path: Path) -> None:
    first, second = (rows.caller(name, tmp_path / "flow") for name in ("flow_b", "flow_a"))
    for number in range(6):
        rows.call(second if number % 2 else first, number, model=f"m/{number % 3}")
    rows.book()
    export(rows.books, rows.home)
    folder = tmp_path / "flow/flow_json"
    data = exact(folder / "openrouter_skill_data.json")["data"]
    assert list(data) == ["flow_a", "flow_b"]
    assert data["flow_a"]["models"] == {"m/0": 1, "m/1": 1, "m/2": 1}
    assert data["flow_a"]["last_request"] == "2026-11-23T10:00:05.000000Z"
    log = exact(folder / "openrouter_skill_log.json")
    assert [each["caller"] for each in log["logs"]] == ["flow_b", "flow_a"] * 3
    assert log["entries_total"] == 6


def test_a_caller_whose_folder_was_refused_has_its_files_in_the_home(
    rows: Rows, tmp_path: Path
) -> None:
    homeless = rows.caller("flow_x", None)
    refused = rows.caller("flow_x", tmp_path / "gone", provision=False)
    rows.call(homeless, 10**12, model="m/1")
    rows.call(refused, 10**11, model="m/1")
    rows.book()
    export(rows.books, rows.home)
    folder = rows.home / "callers" / "flow_x"
    entry = exact(folder / "openrouter_skill_data.json")["data"]["flow_x"]
    assert (entry["requests"], entry["total_cost"]) == (2, Decimal("1.1"))
    assert entry["models"] == {"m/1": 2}
    assert len(exact(folder / "openrouter_skill_log.json")["logs"]) == 2
