"""Booking generations that were made elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.client import Ledger
from ledger.errors import CallerInvalid, RequestInvalid
from ledger.sandbox import Sandbox

KEY = "sk-or-v1-" + "ab" * 32


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_server: Sandbox) -> Sandbox:
    _server.reset()
    return _server


@pytest.fixture
def books(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    ledger = Ledger(
        home=tmp_path / "home", base_url=sandbox.base_url, api_key=KEY, background=False
    )
    yield ledger
    ledger.close()


def elsewhere(sandbox: Sandbox, model: str = "openai/gpt-4o-mini") -> str:
    """A call that the ledger knows nothing of; its generation id."""
    answer = httpx.post(
        f"{sandbox.base_url}/chat/completions",
        headers={"Authorization": f"Bearer {KEY}"},
        json={"model": model, "messages": [{"role": "user", "content": "Hello"}]},
    )
    return str(answer.json()["id"])


def rows(ledger: Ledger, sql: str) -> list[Any]:
    with ledger.books.read() as connection:
        return list(connection.exec_driver_sql(sql))


def test_a_generation_made_elsewhere_is_booked_and_settled(sandbox: Sandbox, books: Ledger) -> None:
    generation_id = elsewhere(sandbox, "sandbox/cost-0.0012")
    status = books.track_usage("flow_mbank", generation_id, "openai/gpt-4o-mini")
    assert (status.caller, status.chain, status.source) == ("flow_mbank",) * 2 + ("track_usage",)
    assert (status.endpoint, status.status) == ("generation", "finished")
    assert (status.cost_grade, status.cost_pico) == ("settled", 1_200_000_000)
    assert status.model_asked == "openai/gpt-4o-mini"
    assert rows(books, "SELECT name FROM caller") == [("flow_mbank",)]


def test_the_calling_module_is_the_caller_where_none_is_named(
    sandbox: Sandbox, books: Ledger
) -> None:
    status = books.track_usage(None, elsewhere(sandbox))
    assert status.caller == "test_settlement_tracking"


def test_one_that_is_not_ready_stays_pending_for_the_schedule(
    sandbox: Sandbox, books: Ledger
) -> None:
    status = books.track_usage("flow_mbank", "gen-nobody-knows")
    assert (status.cost_grade, status.cost_pico, status.model_asked) == ("pending", None, None)
    assert rows(books, "SELECT result FROM settlement_attempt") == [("not_ready",)]
    assert len(books.settle().pending) == 1


def test_one_that_is_booked_already_is_not_booked_again(sandbox: Sandbox, books: Ledger) -> None:
    reply = books.get_response("Hello", model="openai/gpt-4o-mini", caller="flow_first")
    assert reply.generation_id is not None
    status = books.track_usage("flow_second", reply.generation_id)
    assert (status.id, status.caller) == (reply.request_id, "flow_first")
    assert status.cost_grade == "settled"
    books.track_usage("flow_second", reply.generation_id)
    assert rows(books, "SELECT count(*) FROM request") == [(1,)]
    assert rows(books, "SELECT result FROM settlement_attempt") == [("settled",)]


@pytest.mark.parametrize(
    "bad", ["", " ", "gen 1", "gen\n1", "gen\x001", "g" * 257, "\ud800", 7, None]
)
def test_what_cannot_be_an_id_is_refused_and_not_booked(
    sandbox: Sandbox, books: Ledger, bad: Any
) -> None:
    with pytest.raises(RequestInvalid, match="no generation id"):
        books.track_usage("flow_mbank", bad)
    books.settle()
    assert rows(books, "SELECT count(*) FROM request") == [(0,)]


def test_ids_are_opaque_text(sandbox: Sandbox, books: Ledger) -> None:
    strange = "gen-&id=../?#%ÄÖ/" + "x" * 200
    assert books.track_usage("flow_mbank", strange).generation_id == strange
    assert rows(books, "SELECT result FROM settlement_attempt") == [("not_ready",)]


def test_a_bad_caller_or_model_is_refused(sandbox: Sandbox, books: Ledger) -> None:
    with pytest.raises(CallerInvalid):
        books.track_usage("no name!", "gen-1")
    with pytest.raises(RequestInvalid, match="model"):
        books.track_usage("flow_mbank", "gen-1", 7)  # type: ignore[arg-type]


def test_without_a_key_it_is_booked_and_stays_pending(
    sandbox: Sandbox, books: Ledger, tmp_path: Path
) -> None:
    keyless = Ledger(home=tmp_path / "home", base_url=sandbox.base_url, background=False)
    generation_id = elsewhere(sandbox)
    try:
        assert keyless.track_usage("flow_mbank", generation_id).cost_grade == "pending"
    finally:
        keyless.close()
    assert books.settle().settled == 1


def test_a_caller_that_was_tracked_first_is_provisioned_by_its_first_call(
    sandbox: Sandbox, books: Ledger, tmp_path: Path
) -> None:
    books.track_usage("flow_mbank", elsewhere(sandbox))
    assert not list((tmp_path / "callers").rglob("openrouter_skill_config.json"))
    books.get_response("Hello", model="openai/gpt-4o-mini", caller="flow_mbank")
    assert list((tmp_path / "callers").rglob("openrouter_skill_config.json"))
    assert rows(books, "SELECT count(*) FROM caller") == [(1,)]
