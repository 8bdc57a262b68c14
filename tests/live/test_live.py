"""One cheap real call, and its settlement from the provider's own record. Skipped without a key."""

import os
from pathlib import Path

import pytest

from ledger import clock
from ledger.client import Ledger

KEY = os.environ.get("OPENROUTER_API_KEY", "")  # read before the tests' environment is emptied
MODEL = "openai/gpt-4o-mini"
RECORD_PATIENCE_S, PAUSE_S = 90, 5
MOST_PICO = 1_000_000_000  # a thousandth of a dollar, many times what it costs


@pytest.mark.skipif(not KEY, reason="a real call needs OPENROUTER_API_KEY in the environment")
def test_a_real_call_is_answered_booked_and_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    ledger = Ledger(home=tmp_path / "home", api_key=KEY, background=False)
    try:
        reply = ledger.get_response("Say hi.", model=MODEL, caller="live_test", max_tokens=5)
        assert reply
        assert reply.generation_id
        assert reply.cost is not None
        until = clock.monotonic() + RECORD_PATIENCE_S
        while ledger.show(reply.request_id).cost_grade != "settled":
            assert clock.monotonic() < until, "the provider's record did not come"
            ledger.settle()
            clock.sleep(PAUSE_S)
        row = ledger.show(reply.request_id)
    finally:
        ledger.close()
    assert (row.caller, row.model_asked, row.status) == ("live_test", MODEL, "finished")
    assert row.cost_pico is not None
    assert 0 < row.cost_pico < MOST_PICO
    assert row.provider
    assert row.completion_tokens
