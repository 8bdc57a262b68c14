"""Every SDK makes the same ten calls, and its rows are those of `get_response`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drivers  # noqa: F401 - it lists the SDKs
import pytest
import spies
from callkit import CALLER, change_config, count, open_ledger, rows
from foreignkit import outcomes_refused
from sdkkit import SDKS, TEN, Sdk

from ledger.client import Ledger
from ledger.errors import LedgerError, LedgerUnavailable
from ledger.sandbox import Sandbox

SAME = (
    "status, cost_grade, prompt_tokens, completion_tokens, cost_pico, upstream_pico, total_pico,"
    " model_asked, model, provider"
)
# What others leave open, or warn of, is theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    sandbox.reset()
    with open_ledger(tmp_path / "home", sandbox.base_url) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> list[dict[str, Any]]:
    """The rows of the ten calls by `get_response`, settled."""
    home = tmp_path_factory.mktemp("own") / "home"
    with open_ledger(home, sandbox.base_url) as ledger:
        for model, text in TEN:
            with contextlib.suppress(LedgerError):
                ledger.get_response(text, model, CALLER)
        ledger.settle()
    return rows(home, f"select {SAME} from request_status order by id")


@each_sdk
def test_the_ten_calls_are_the_rows_of_get_response(
    sdk: Sdk, ledger: Ledger, home: Path, sandbox: Sandbox, expected: list[dict[str, Any]]
) -> None:
    sdk.calls(ledger, TEN)
    assert len(sandbox.calls) == len(TEN)
    ledger.settle()
    assert rows(home, f"select {SAME} from request_status order by id") == expected
    facts = {
        tuple(row.values())
        for row in rows(home, "select endpoint, source, streamed, caller_id is null from request")
    }
    assert facts == {(sdk.endpoint, "transport", int(sdk.streamed), 0)}
    assert rows(home, "select name from caller") == [{"name": "drivers"}]


ONE = TEN[:1]


@each_sdk
def test_the_sdk_gets_the_bytes_that_the_server_sent(
    sdk: Sdk, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    below, above = spies.watch(monkeypatch)
    sdk.calls(ledger, (*ONE, ("sandbox/unknown-fields,keepalive", "Odd"), TEN[-1]))
    assert len(below) == 3
    assert above == below
    assert all(b"".join(passed.body) for passed in above)


@each_sdk
def test_each_try_of_the_sdk_is_a_row(
    sdk: Sdk, ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    sandbox.fail(500, times=2)
    sdk.calls(ledger, ONE, retries=2)
    assert [call.status for call in sandbox.calls] == [500, 500, 200]
    found = rows(home, "select status from request_status order by id")
    assert [row["status"] for row in found] == ["failed", "failed", "finished"]


@each_sdk
def test_a_refusal_sends_nothing_and_is_not_tried_again(
    sdk: Sdk, ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    ledger.desk.open()
    change_config(home / "api_json" / "openrouter_config.json", enabled=False)
    sdk.calls(ledger, ONE, retries=2)
    assert sandbox.calls == []
    assert count(home, "request") == 0
    found = rows(home, "select reason, caller_name, source, model_asked from refusal")
    assert [tuple(row.values()) for row in found] == [
        ("CallerDisabled", "drivers", "transport", ONE[0][0])
    ] * (1 if sdk.obeys else 3)


@each_sdk
def test_books_that_cannot_be_written_send_nothing(
    sdk: Sdk, ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    home.mkdir()
    (home / "ledger.db").mkdir()
    sdk.calls(ledger, ONE, retries=2)
    assert sandbox.calls == []


@each_sdk
def test_an_outcome_that_cannot_be_booked_makes_nobody_pay_twice(
    sdk: Sdk, ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    sdk.calls(ledger, ONE)
    with outcomes_refused(home):
        sdk.calls(ledger, ONE, retries=2)
        assert len(sandbox.calls) == 2
        with pytest.raises(LedgerUnavailable):
            ledger.get_response("Hello", ONE[0][0], CALLER)
    ledger.get_response("Hello", ONE[0][0], CALLER)
    found = rows(home, "select status from request_status order by id")
    assert [row["status"] for row in found] == ["finished"] * 3
    assert len(sandbox.calls) == 3
