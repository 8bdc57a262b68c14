"""Faults that budgets of other tools have had, each tried here; the numbers are their issues."""

import asyncio
import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from callkit import CALLER, KEY, call, count, failure, only, open_ledger, rows
from freezegun import freeze_time

from ledger import clock, errors
from ledger.client import Ledger
from ledger.limits import rebuilding
from ledger.reports import tables
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"
USD = 10**12


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
        assert rebuilding.differences(opened.books) == []


def balance(home: Path) -> tuple[int, int]:
    """What the only balance has spent and held."""
    found = only(home, "SELECT spent_pico, held_pico FROM budget_rollup")
    return found["spent_pico"], found["held_pico"]


def settle(ledger: Ledger) -> None:
    until = clock.monotonic() + 20
    while ledger.settle().pending and clock.monotonic() < until:
        clock.sleep(0.05)


def test_litellm_27639_a_cancelled_task_leaks_no_hold(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    ledger.set_budget("all", limit="1", per="total")

    async def cancelled() -> None:
        task = asyncio.ensure_future(
            ledger.aget_response("Hi", "sandbox/slow-2000", CALLER, max_cost="0.5")
        )
        while not sandbox.calls:  # noqa: ASYNC110 - it runs in threads of its own
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    ledger.books.writer.flush(10)
    assert only(home, "SELECT status FROM outcome")["status"] == "cancelled"
    assert balance(home) == (0, USD // 2), "the provider may have charged it: held until known"
    (held,) = ledger.held()
    ledger.resolve(held.request_id)
    assert balance(home) == (0, 0)


@pytest.mark.parametrize("how", ["close", "drop"])
def test_litellm_30519_a_stream_left_half_way_leaks_no_hold(
    ledger: Ledger, home: Path, how: str
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    model = "sandbox/cost-0.01,chunks-50,drip-5"
    stream = ledger.stream_response("Hi", model, CALLER, max_cost="0.5")
    next(stream)
    if how == "close":
        stream.close()
    del stream
    ledger.books.writer.flush(10)
    assert balance(home) == (0, USD // 2)
    assert ledger.held()[0].cost_grade == "pending"
    settle(ledger)
    spent, held = balance(home)
    assert held == 0
    assert spent == only(home, "SELECT cost_pico FROM generation")["cost_pico"]
    assert only(home, "SELECT cause FROM hold_end")["cause"] == "settled"


def test_litellm_35569_a_settled_cost_is_not_counted_beside_the_reported_one(
    ledger: Ledger, home: Path
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    call(ledger, "sync", model="sandbox/cost-0.25", max_cost="0.25")
    settle(ledger)
    settle(ledger)
    assert count(home, "generation") == 1
    assert balance(home) == (USD // 4, 0)


@pytest.mark.parametrize(("settled", "spent"), [("0.1", "0.1"), ("0.4", "0.4")])
def test_litellm_40050_what_is_enforced_is_what_was_really_charged(
    ledger: Ledger, home: Path, settled: str, spent: str
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    call(ledger, "sync", model=f"sandbox/cost-0.25,settled-{settled}", max_cost="0.25")
    assert balance(home) == (USD // 4, 0)
    settle(ledger)
    assert ledger.budgets()[0].spent_usd == Decimal(spent)


def test_a_later_record_corrects_a_budget_that_was_set_after_the_call(
    ledger: Ledger, home: Path
) -> None:
    call(ledger, "sync", model="sandbox/cost-0.25,settled-0.5")
    assert ledger.set_budget("all", limit="1", per="total").spent_usd == Decimal("0.25")
    settle(ledger)
    assert ledger.budgets()[0].spent_usd == Decimal("0.5")


def test_litellm_27509_a_call_without_max_tokens_holds_the_models_own_maximum(
    ledger: Ledger, home: Path
) -> None:
    ledger.sync_models(only=[MODEL])
    ledger.set_budget("all", limit="100", per="total")
    call(ledger, "sync", model=MODEL)
    held = only(home, "SELECT amount_pico, basis FROM hold")
    assert held["basis"] == "bound"
    assert 0 < held["amount_pico"] < USD, "not the whole headroom"


def test_litellm_35524_no_estimate_is_no_call(ledger: Ledger, home: Path, sandbox: Sandbox) -> None:
    ledger.set_budget("all", limit="100", per="total")
    with sandbox.expect(calls=0):
        assert isinstance(failure(ledger, "sync", model="no/price"), errors.Unbounded)


def test_litellm_37927_an_answer_without_a_cost_keeps_its_hold_until_it_is_known(
    ledger: Ledger, home: Path
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    call(ledger, "sync", model="sandbox/no-usage", max_cost="0.5")
    assert balance(home) == (0, USD // 2)
    settle(ledger)
    spent, held = balance(home)
    assert held == 0
    assert spent > 0


@pytest.mark.one_engine
def test_litellm_33923_a_hold_that_cannot_be_written_is_no_call(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    with sqlite3.connect(home / "ledger.db") as stranger:
        stranger.execute(
            "CREATE TRIGGER broken BEFORE UPDATE ON budget_rollup"
            " BEGIN SELECT RAISE(ABORT, 'no holds today'); END"
        )
    stranger.close()
    with sandbox.expect(calls=0):
        refused = failure(ledger, "sync", model=MODEL, max_cost="0.5")
    assert isinstance(refused, errors.LedgerUnavailable)
    assert (count(home, "request"), count(home, "hold")) == (0, 0)
    with sqlite3.connect(home / "ledger.db") as stranger:
        stranger.execute("DROP TRIGGER broken")
    stranger.close()


def test_litellm_40095_the_first_calls_of_a_period_race_for_one_balance(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    ledger.set_budget("all", limit="0.05", per="day")
    tomorrow = clock.now() + dt.timedelta(days=1)
    refused: list[errors.LedgerError] = []
    gate = threading.Barrier(8)

    def work() -> None:
        gate.wait()
        try:
            call(ledger, "sync", model="sandbox/cost-0.05", max_cost="0.05")
        except errors.BudgetExceeded as error:
            refused.append(error)

    with freeze_time(tomorrow):
        threads = [threading.Thread(target=work) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(refused) == 7
    assert sandbox.spent == Decimal("0.05")
    assert len(rows(home, "SELECT id FROM budget_rollup")) == 2


def test_litellm_26845_a_hold_is_never_shrunk_to_what_is_left(ledger: Ledger, home: Path) -> None:
    ledger.set_budget("all", limit="1", per="total")
    call(ledger, "sync", model="sandbox/cost-0.9", max_cost="0.9")
    assert failure(ledger, "sync", model=MODEL, max_cost="0.100000000001").left == Decimal("0.1")
    call(ledger, "sync", model=MODEL, max_cost="0.1")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("completions", {"prompt": "Hi"}),
        ("responses", {"input": "Hi"}),
        ("messages", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}),
        ("embeddings", {"input": "Hi"}),
        ("rerank", {"query": "Hi", "documents": ["Ho"]}),
        ("images", {"prompt": "Hi"}),
        ("audio/speech", {"input": "Hi", "voice": "x"}),
        ("videos", {"prompt": "Hi"}),
    ],
)
def test_litellm_38176_no_endpoint_bypasses_a_budget(
    ledger: Ledger, home: Path, sandbox: Sandbox, path: str, body: dict[str, object]
) -> None:
    ledger.set_budget("all", limit="0", per="total")
    key = {"Authorization": f"Bearer {KEY}"}
    with ledger.http_client(headers=key) as client, sandbox.expect(calls=0):
        answer = client.post(f"{sandbox.base_url}/{path}", json={"model": MODEL, **body})
    assert answer.status_code == 402
    assert count(home, "refusal") == 1


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("UTC", "2026-11-30T23:59:59", "2026-12-01T00:00:01"),
        ("Europe/Berlin", "2026-10-25T22:59:00", "2026-10-25T23:01:00"),
        ("America/New_York", "2026-03-08T04:59:59", "2026-03-08T05:00:00"),
    ],
)
def test_a_period_rolls_over_and_a_clock_that_is_set_back_frees_nothing(
    ledger: Ledger, home: Path, zone: str, before: str, after: str
) -> None:
    with freeze_time(before) as clock_of_test:
        ledger.set_budget("all", limit="1", per="day", tz=zone)
        call(ledger, "sync", model="sandbox/cost-0.9", max_cost="0.9")
        refused = failure(ledger, "sync", model=MODEL, max_cost="0.2")
        assert refused.resets_at <= dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC)
        clock_of_test.move_to(after)
        call(ledger, "sync", model="sandbox/cost-0.8", max_cost="0.8")
        failure(ledger, "sync", model=MODEL, max_cost="0.3")
        clock_of_test.move_to(before)
        assert failure(ledger, "sync", model=MODEL, max_cost="0.2").spent == Decimal("0.9")
        assert sorted(each["spent_pico"] for each in rows(home, "SELECT * FROM budget_rollup")) == [
            USD * 8 // 10,
            USD * 9 // 10,
        ]


def test_a_hold_belongs_to_the_period_in_which_it_was_made(ledger: Ledger, home: Path) -> None:
    with freeze_time("2026-11-30T23:59:00") as clock_of_test:
        ledger.set_budget("all", limit="1", per="month")
        with ledger.stream_response("Hi", "sandbox/cost-0.4", CALLER, max_cost="0.5") as stream:
            next(stream)
            clock_of_test.move_to("2026-12-01T00:00:30")
            for _ in stream:
                pass
        (kept,) = rows(home, "SELECT period, spent_pico, held_pico FROM budget_rollup")
        assert kept == {"period": "2026-11-01", "spent_pico": USD * 4 // 10, "held_pico": 0}
        assert ledger.budgets()[0].spent_pico == 0


def test_a_resolved_request_is_declared_and_a_record_beats_it(ledger: Ledger, home: Path) -> None:
    ledger.set_budget("all", limit="1", per="total")
    call(ledger, "sync", model="sandbox/no-usage", max_cost="0.5")
    request_id = only(home, "SELECT id FROM request")["id"]
    found = ledger.resolve(request_id[:20], "0.3")
    assert (found.cost_grade, found.total_usd) == ("declared", "0.3")
    assert balance(home) == (USD * 3 // 10, 0)
    for again in ("0.4", None):
        with pytest.raises(errors.RequestInvalid, match="is known: it is declared"):
            ledger.resolve(request_id, again)
    settle(ledger)
    row = only(home, "SELECT cost_grade, total_pico FROM request_status")
    assert row["cost_grade"] == "settled"
    assert balance(home) == (row["total_pico"], 0)


def test_what_is_under_way_here_cannot_be_resolved(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    asked = {"model": "sandbox/slow-1500", "max_cost": "0.5"}
    asking = threading.Thread(target=call, args=(ledger, "sync"), kwargs=asked)
    asking.start()
    until = clock.monotonic() + 5
    while not sandbox.calls and clock.monotonic() < until:
        clock.sleep(0.01)
    (held,) = ledger.held()
    assert (held.status, held.process) == ("open", "running")
    with pytest.raises(errors.RequestInvalid, match="still under way"):
        ledger.resolve(held.request_id)
    asking.join()
    assert balance(home)[1] == 0


def test_balances_are_made_anew_from_the_facts(ledger: Ledger, home: Path) -> None:
    ledger.set_budget("all", limit="1", per="total")
    ledger.set_budget("mine", limit="2", per="day", caller=CALLER)
    call(ledger, "sync", model="sandbox/cost-0.25", max_cost="0.5")
    call(ledger, "sync", model="sandbox/no-usage", max_cost="0.125")
    before = rows(home, "SELECT * FROM budget_rollup ORDER BY id")
    ledger.books.writer.write(
        lambda transaction: transaction.run(
            "UPDATE budget_rollup SET spent_pico = 7, held_pico = 8"
        )
    )
    found = rebuilding.differences(ledger.books)
    assert {(each.budget, each.spent_pico, each.held_pico) for each in found} == {
        ("all", 7, 8),
        ("mine", 7, 8),
    }
    ledger.books.writer.write(rebuilding.rebuild)
    assert rows(home, "SELECT * FROM budget_rollup ORDER BY id") == before


def test_what_a_file_declares_counts_in_the_budget_of_its_time(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    ledger.set_budget("mine", limit="1", per="total", caller="flow_mbank")
    ledger.set_budget("today", limit="1", per="day")
    usage = {"total_cost": 0.125, "tokens_prompt": 10, "tokens_completion": 5}
    made = {
        "timestamp": "2025-08-30T10:00:00.123",
        "caller": "flow_mbank",
        "model": "openai/gpt-4o",
        "usage_data": usage,
    }
    other = made | {"caller": "flow_other"}
    tracker = tmp_path / "usage_tracker_data.json"
    tracker.write_text(
        json.dumps({"data": {"generation_tracking": {"gen-1": made, "gen-2": other}}}), "utf-8"
    )
    ledger.import_file(tracker, kind="usage_tracker", tz="UTC")
    spent = {each.name: each.spent_usd for each in ledger.budgets()}
    assert spent == {"all": Decimal("0.25"), "mine": Decimal("0.125"), "today": 0}


def test_the_status_shows_what_budgets_have_left(
    ledger: Ledger, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.set_budget("all", limit="1", per="total")
    call(ledger, "sync", model="sandbox/no-usage", max_cost="0.5")
    found = ledger.status(offline=True)
    assert found.budgets == tuple(ledger.budgets())
    tables.status(found)
    assert "0.5 of 1.0 USD in all left" in capsys.readouterr().out
