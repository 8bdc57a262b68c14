"""The plan's own tests of its Phase 1D, under their names."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ecokit
import pytest
from ecokit import CHAT, FREE_MODEL, MBANK, Ecosystem

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

CONFIG = "flow/flow_json/openrouter_skill_config.json"


@pytest.fixture
def ecosystem(ledger_sandbox: "Sandbox", tmp_path: Path) -> Ecosystem:
    """An ecosystem in which flow_mbank has called once, and so has its config."""
    made = ecokit.copied(tmp_path)
    assert made.plan()["status"] == "open"
    return made


def set_config(ecosystem: Ecosystem, path: str, **values: Any) -> None:
    document = ecosystem.json(path)
    document["config"] |= values
    (ecosystem.root / path).write_text(json.dumps(document), "ascii")


def test_with_missing_model(ecosystem: Ecosystem, ledger_sandbox: "Sandbox") -> None:
    document = ecosystem.json(CONFIG)
    del document["config"]["ai_model"]
    (ecosystem.root / CONFIG).write_text(json.dumps(document), "ascii")
    plan = ecosystem.plan()
    assert plan["status"] == "open"
    assert plan["error"].startswith("Caller 'flow_mbank' must specify a model")
    assert "Caller 'flow_mbank' must specify a model" in ecosystem.said()
    reasons = ecosystem.rows("select reason from refusal order by at")
    assert reasons == [("CallerProvisioned",), ("ModelRequired",)]
    assert ledger_sandbox.calls == []


def test_with_invalid_model(ecosystem: Ecosystem, ledger_sandbox: "Sandbox") -> None:
    plan = ecosystem.plan("invalid/model")
    assert plan["status"] == "open"
    assert "invalid/model is not a valid model ID" in plan["error"]
    (line,) = [each for each in ecosystem.said().splitlines() if "call failed" in each]
    assert line.startswith("ERROR ")
    assert all(part in line for part in ("caller flow_mbank", "invalid/model", "status 400"))
    tracked = "select caller, model_asked, status, cost_grade from request_status"
    assert ecosystem.rows(tracked) == [("flow_mbank", "invalid/model", "failed", "not_charged")]
    ecosystem.succeed("-m", "ledger", "export")
    counted = ecosystem.json("api/api_json/openrouter_data.json")["data"]
    assert (counted["total_requests"], counted["failed_requests"]) == (1, 1)
    assert len(ledger_sandbox.calls) == 1


def test_with_missing_config_of_the_module(ecosystem: Ecosystem) -> None:
    own = ecosystem.root / "flow" / "flow_json" / "flow_mbank_config.json"
    made_by_init = own.read_bytes()
    own.unlink()
    assert ecosystem.plan()["status"] == "closed"
    assert own.read_bytes() == made_by_init


def test_with_missing_config_of_the_api(ecosystem: Ecosystem) -> None:
    set_config(ecosystem, CONFIG, ai_model="openai/gpt-4o-mini")
    (ecosystem.root / CONFIG).unlink()
    plan = ecosystem.plan()
    assert plan["status"] == "open"
    assert plan["error"].startswith("Config created, please reload and try again.")
    assert ecosystem.rows("select distinct reason from refusal") == [("CallerProvisioned",)]
    assert ecosystem.json(CONFIG)["config"]["ai_model"] == FREE_MODEL
    assert ecosystem.plan()["status"] == "closed"


def test_different_callers_with_different_models(
    ecosystem: Ecosystem, ledger_sandbox: "Sandbox"
) -> None:
    ecosystem.succeed(MBANK)
    ecosystem.succeed(CHAT)
    used = "select distinct caller, model_asked from request_status order by caller"
    premium = "anthropic/claude-3.5-sonnet"
    assert ecosystem.rows(used) == [
        ("flow_mbank", FREE_MODEL),
        ("live_chat_context_skill", premium),
    ]
    asked = {call.model for call in ledger_sandbox.calls}
    assert asked == {FREE_MODEL, premium}
    set_config(ecosystem, CONFIG, ai_model="openai/gpt-4o-mini")
    ecosystem.succeed(MBANK)
    assert ledger_sandbox.calls[-1].model == "openai/gpt-4o-mini"
