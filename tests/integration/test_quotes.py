"""Quotes: the bound and the caller's own median, with nothing sent and nothing booked."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import call, count, open_ledger

import ledger
from ledger.__main__ import main
from ledger.client import Ledger
from ledger.errors import ModelRequired, RequestInvalid
from ledger.sandbox import Sandbox

MODEL = "anthropic/claude-sonnet-4.5"
ECHO = "openai/gpt-4o-mini"


def synced(sandbox: Sandbox) -> Ledger:
    books = Ledger()
    books.sync_models()
    return books


def test_a_quote_is_above_the_call_and_tells_what_such_calls_cost(
    ledger_sandbox: Sandbox,
) -> None:
    with synced(ledger_sandbox) as books:
        for number in (1, 2, 3):
            ledger_sandbox.reply(cost=f"0.000{number}", times=1)
            books.get_response("Hello", ECHO, "flow_one")
        books.get_response("Hello", ECHO, "flow_two")
        ledger_sandbox.fail(500)
        with pytest.raises(ledger.LedgerError):
            books.get_response("Hello", ECHO, "flow_one")
        found = books.quote("Hello", ECHO, "flow_one", max_tokens=50)
        other = books.quote("Hello", MODEL, "flow_one")
    assert (found.median_usd, found.calls) == (Decimal("0.0002"), 3)
    assert (other.median_usd, other.calls) == (None, 0)
    assert found.bound_pico is not None
    assert found.bound_pico == sum(part.pico for part in found.parts)
    assert found.bound_usd == Decimal(found.bound_pico).scaleb(-12)
    assert (other.bound_model, other.bound_provider) == (MODEL, "Google")


def test_a_quote_sends_and_books_nothing(ledger_sandbox: Sandbox) -> None:
    home = ledger_sandbox.home
    assert home is not None
    with synced(ledger_sandbox) as books, ledger_sandbox.expect(calls=0):
        books.quote("Hello", MODEL, "flow_one")
        with pytest.raises(ModelRequired):
            books.quote("Hello", caller="flow_one")
        with pytest.raises(RequestInvalid):
            books.quote([], MODEL, "flow_one")
    tables = ("caller", "request", "refusal", "provisioning_event")
    assert [count(home, table) for table in tables] == [0, 0, 0, 0]


def test_the_module_that_asks_is_told_by_itself(ledger_sandbox: Sandbox) -> None:
    with synced(ledger_sandbox):
        assert ledger.quote("Hello", model=MODEL).caller == "test_quotes"


def test_what_the_callers_config_adds_is_in_the_quote(tmp_path: Path) -> None:
    from callkit import change_config

    with Sandbox() as sandbox, open_ledger(tmp_path / "home", sandbox.base_url) as books:
        books.sync_models()
        call(books, "sync", model=ECHO)
        (made,) = tmp_path.rglob("openrouter_skill_config.json")
        change_config(made, ai_model=ECHO, ai_max_tokens=77)
        found = books.quote("Hello", ECHO, "flow_probe")
        own = books.quote("Hello", ECHO, "flow_probe", max_tokens=99)
    units = [{part.kind: part.units for part in each.parts}["completion"] for each in (found, own)]
    assert units == [77, 99]


def test_what_has_no_bound_is_said_and_the_median_all_the_same(ledger_sandbox: Sandbox) -> None:
    with synced(ledger_sandbox) as books:
        books.get_response("Hello", "openrouter/auto", "flow_one")
        found = books.quote("Hello", "openrouter/auto", "flow_one")
        assert found.bound_pico is None
        assert found.unbounded is not None
        assert "no price of openrouter/auto" in found.unbounded
        declared = books.quote("Hello", "openrouter/auto", "flow_one", max_cost="0.02")
        with pytest.raises(RequestInvalid, match="max_cost"):
            books.quote("Hello", "openrouter/auto", "flow_one", max_cost="much")
    assert found.calls == 1
    assert (declared.bound_usd, declared.parts[0].kind) == (Decimal("0.02"), "declared")


def test_a_quote_from_the_command_line(
    ledger_sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    synced(ledger_sandbox).close()

    def run(*words: str) -> str:
        assert main(["ask", "Hello", "--quote", "--model", *words]) == 0
        return capsys.readouterr().out

    with ledger_sandbox.expect(calls=0):
        told = run(ECHO, "-p", "max_tokens=20")
        found: dict[str, Any] = json.loads(run(ECHO, "--json"), parse_float=Decimal)
        bare = run("a/unheard-of")
    assert "an upper bound" in told
    assert "no finished call" in told
    assert found["bound_usd"] == Decimal(found["bound_pico"]).scaleb(-12)
    assert "models sync" in bare
