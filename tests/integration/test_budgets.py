"""Budgets hold: what was spent and what may be spent never exceed a limit that refuses."""

import logging
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import CALLER, DRIVERS, KEY, call, count, failure, only, open_ledger, rows

from ledger import errors
from ledger.client import Ledger
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


def costing(usd: str) -> str:
    """A model whose calls cost so much."""
    return f"sandbox/cost-{usd}"


def balance(home: Path) -> tuple[int, int]:
    """What the only budget has spent and held."""
    found = only(home, "SELECT spent_pico, held_pico FROM budget_rollup")
    return found["spent_pico"], found["held_pico"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_call_is_held_for_and_then_spent(ledger: Ledger, home: Path, driver: str) -> None:
    ledger.set_budget("all", limit="1", per="day")
    call(ledger, driver, model=costing("0.25"), max_cost="0.4")
    assert balance(home) == (USD // 4, 0)
    held = only(home, "SELECT h.amount_pico, h.basis, e.cause, e.spent_pico, e.is_over FROM hold h"
                " JOIN hold_end e ON e.id = h.id")  # fmt: skip
    assert held == {
        "amount_pico": USD * 2 // 5,
        "basis": "max_cost",
        "cause": "reported",
        "spent_pico": USD // 4,
        "is_over": 0,
    }


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_call_that_could_go_beyond_is_refused(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    ledger.set_budget("team", limit="1", per="day", caller=CALLER)
    call(ledger, driver, model=costing("0.75"), max_cost="0.75")
    with sandbox.expect(calls=0):
        refused = failure(ledger, driver, model=MODEL, max_cost="0.26")
    assert isinstance(refused, errors.BudgetExceeded)
    assert (refused.budget, refused.scope) == ("team", f"caller {CALLER}")
    assert (refused.limit, refused.spent) == (Decimal(1), Decimal("0.75"))
    assert (refused.held, refused.left) == (Decimal(0), Decimal("0.25"))
    assert refused.could_cost == Decimal("0.26")
    assert refused.resets_at is not None
    assert refused.resets_at.isoformat().endswith("T00:00:00+00:00")
    said = str(refused)
    for part in ("team", CALLER, "1.0 USD a day", "0.75 USD spent", "0.26 USD", "resets at"):
        assert part in said
    booked = only(home, "SELECT reason, caller_name, model_asked, source FROM refusal")
    assert booked == {
        "reason": "BudgetExceeded",
        "caller_name": CALLER,
        "model_asked": MODEL,
        "source": "get_response",
    }
    assert count(home, "request") == 1
    assert balance(home) == (USD * 3 // 4, 0)
    call(ledger, driver, model=costing("0.25"), max_cost="0.25")
    assert balance(home) == (USD, 0)


def test_a_refusal_leaves_no_hold_in_any_of_several_budgets(ledger: Ledger, home: Path) -> None:
    ledger.set_budget("a-wide", limit="10", per="total")
    ledger.set_budget("m-narrow", limit="0.1", per="day", model=MODEL)
    ledger.set_budget("z-wide", limit="10", per="month")
    refused = failure(ledger, "sync", model=MODEL, max_cost="0.2")
    assert refused.budget == "m-narrow"
    assert {each["held_pico"] for each in rows(home, "SELECT held_pico FROM budget_rollup")} == {0}
    assert count(home, "hold") == 0


def test_what_cannot_be_bounded_is_refused_where_a_budget_refuses(
    ledger: Ledger, home: Path
) -> None:
    ledger.set_budget("all", limit="1", per="day")
    refused = failure(ledger, "sync", model="sandbox/not-in-any-catalogue")
    assert isinstance(refused, errors.Unbounded)
    assert "max_cost" in refused.hint
    assert only(home, "SELECT reason FROM refusal") == {"reason": "Unbounded"}
    assert count(home, "request") == 0


def test_a_budget_that_warns_refuses_nothing(
    ledger: Ledger, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.set_budget("gentle", limit="0.1", per="day", then="warn")
    with caplog.at_level(logging.WARNING, "ledger"):
        for _ in range(3):
            call(ledger, "sync", model=costing("0.09"))
    assert balance(home) == (USD * 27 // 100, 0)
    assert {each["basis"] for each in rows(home, "SELECT basis FROM hold")} == {"none"}
    said = [each.getMessage() for each in caplog.records if "'gentle'" in each.getMessage()]
    assert len(said) == 2, said
    assert "0.09 USD spent" in said[0]
    assert "0.18 USD spent" in said[1]


def test_a_cost_above_its_hold_is_booked_in_full_and_flagged(
    ledger: Ledger, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.set_budget("all", limit="1", per="day")
    with caplog.at_level(logging.WARNING, "ledger"):
        call(ledger, "sync", model=costing("1.5"), max_cost="0.5")
    assert balance(home) == (USD * 3 // 2, 0)
    assert only(home, "SELECT is_over, spent_pico FROM hold_end") == {
        "is_over": 1,
        "spent_pico": USD * 3 // 2,
    }
    assert "above the 0.5 USD held for it" in caplog.text
    assert ledger.budgets()[0].left_usd == Decimal("-0.5")


def test_what_was_spent_before_counts_when_a_budget_is_set(ledger: Ledger, home: Path) -> None:
    call(ledger, "sync", model=costing("0.3"))
    call(ledger, "sync", model=costing("0.3"), caller="other")
    state = ledger.set_budget("mine", limit="1", per="month", caller=CALLER)
    assert (state.spent_usd, state.left_usd) == (Decimal("0.3"), Decimal("0.7"))
    assert ledger.set_budget("all", limit="1", per="month").spent_usd == Decimal("0.6")
    assert failure(ledger, "sync", model=MODEL, max_cost="0.41").budget == "all"


def test_a_new_limit_goes_on_counting_and_a_new_scope_begins_anew(
    ledger: Ledger, home: Path
) -> None:
    ledger.set_budget("b", limit="1", per="day")
    call(ledger, "sync", model=costing("0.5"), max_cost="0.5")
    assert ledger.set_budget("b", limit="0.6", per="day").spent_usd == Decimal("0.5")
    failure(ledger, "sync", model=MODEL, max_cost="0.2")
    assert ledger.set_budget("b", limit="2", per="day").left_usd == Decimal("1.5")
    call(ledger, "sync", model=costing("1"), max_cost="1")
    assert ledger.set_budget("b", limit="2", per="day", caller="other").spent_usd == 0
    ledger.remove_budget("b")
    assert ledger.budgets() == []
    call(ledger, "sync", model=costing("3"))
    told = [(each.kind, each.scope, each.limit_usd) for each in ledger.budget_history("b")]
    assert told == [
        ("set", "everyone", 1),
        ("set", "everyone", Decimal("0.6")),
        ("set", "everyone", 2),
        ("set", "caller other", 2),
        ("removed", "caller other", 2),
    ]
    assert all(each.os_user and each.host for each in ledger.budget_history())


def test_a_budget_that_another_process_sets_is_seen_by_the_next_call(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    call(ledger, "sync", model=MODEL)
    with open_ledger(home, sandbox.base_url) as other:
        other.set_budget("all", limit="0", per="day")
    assert failure(ledger, "sync", model=MODEL, max_cost="1").budget == "all"
    with open_ledger(home, sandbox.base_url) as other:
        other.remove_budget("all")
    call(ledger, "sync", model=MODEL)


def test_many_threads_never_exceed_the_limit(ledger: Ledger, home: Path, sandbox: Sandbox) -> None:
    ledger.set_budget("all", limit="0.5", per="day")
    refused: list[BaseException] = []

    def work() -> None:
        for _ in range(5):
            try:
                call(ledger, "sync", model=costing("0.01"), max_cost="0.01")
            except errors.BudgetExceeded as error:
                refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sandbox.spent == Decimal("0.5")
    assert len(refused) == 30
    assert count(home, "refusal") == 30
    assert balance(home) == (USD // 2, 0)


@pytest.mark.parametrize(
    "scope",
    [
        {"caller": CALLER},
        {"chain_member": "boss"},
        {"model": MODEL},
        {"tag": "task=summary"},
        {},
    ],
)
def test_a_scope_counts_its_own_calls_only(
    ledger: Ledger, home: Path, scope: dict[str, Any]
) -> None:
    inside: dict[str, Any] = {
        "caller": f"boss->{CALLER}",
        "model": MODEL,
        "tags": {"task": "summary"},
    }
    outside: dict[str, Any] = {"caller": "else", "model": "other/model", "tags": {"task": "x"}}
    ledger.set_budget("b", limit="0.1", per="day", **scope)
    assert failure(ledger, "sync", max_cost="1", **inside).budget == "b"
    if scope:
        call(ledger, "sync", max_cost="1", **outside)
        assert balance(home)[0] == 0
    ledger.set_budget("b", limit="10", per="day", **scope)
    call(ledger, "sync", max_cost="1", **inside)
    spent, _ = balance(home)
    assert spent > 0
    ledger.remove_budget("b")
    assert ledger.set_budget("again", limit="10", per="day", **scope).spent_pico == spent


def test_a_bound_is_derived_from_what_the_provider_lists(ledger: Ledger, home: Path) -> None:
    ledger.sync_models(only=[MODEL])
    ledger.set_budget("all", limit="0.01", per="day")
    reply = call(ledger, "sync", model=MODEL, max_tokens=100)
    held = only(home, "SELECT amount_pico, basis FROM hold")
    assert held["basis"] == "bound"
    assert 0 < reply.cost < Decimal(held["amount_pico"]).scaleb(-12) < Decimal("0.01")
    refused = failure(ledger, "sync", model=MODEL, max_tokens=1_000_000)
    assert isinstance(refused, errors.BudgetExceeded)
    assert refused.max_tokens is not None
    assert f"It would fit with max_tokens={refused.max_tokens}." in str(refused)
    call(ledger, "sync", model=MODEL, max_tokens=refused.max_tokens)


@pytest.mark.parametrize("family", ["httpx", "httpx2"])
def test_another_sdk_is_answered_with_a_402_that_it_does_not_retry(
    ledger: Ledger, home: Path, sandbox: Sandbox, family: str
) -> None:
    ledger.set_budget("all", limit="0.001", per="day")
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10**6}
    key = {"Authorization": f"Bearer {KEY}"}
    with ledger.http_client(family) as client, sandbox.expect(calls=0):
        answer = client.post(f"{sandbox.base_url}/chat/completions", json=body)
        assert answer.status_code == 402
        assert answer.headers["x-should-retry"] == "false"
        assert answer.json()["error"]["type"] == "Unbounded"
    ledger.sync_models(only=[MODEL])
    with ledger.http_client(family, headers=key) as client, sandbox.expect(calls=1):
        answer = client.post(f"{sandbox.base_url}/chat/completions", json=body)
        assert answer.status_code == 402
        assert answer.json()["error"]["type"] == "BudgetExceeded"
        fits = client.post(f"{sandbox.base_url}/chat/completions", json=body | {"max_tokens": 16})
        assert fits.status_code == 200
    reasons = rows(home, "SELECT reason, source FROM refusal ORDER BY id")
    assert [each["reason"] for each in reasons] == ["Unbounded", "BudgetExceeded"]
    assert {each["source"] for each in reasons} == {"transport"}
    assert balance(home)[1] == 0


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_stream_holds_until_its_cost_is_known(ledger: Ledger, home: Path, driver: str) -> None:
    ledger.set_budget("all", limit="1", per="day")
    with ledger.stream_response("Hi", costing("0.25"), CALLER, max_cost="0.5") as stream:
        next(stream)
        assert balance(home) == (0, USD // 2)
        for _ in stream:
            pass
    assert balance(home) == (USD // 4, 0)
