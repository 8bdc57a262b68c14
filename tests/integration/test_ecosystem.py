"""An ecosystem of small modules, each a process of its own, with its books in `api/`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ecokit
import pytest
from ecokit import CHAT, FREE_MODEL, LOGGER, MBANK, ORCHESTRATOR, Ecosystem

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

CALLS = "select caller, chain, model_asked, status from request_status order by started_at"


@pytest.fixture(params=["ledger", "api.openrouter"])
def ecosystem(
    request: pytest.FixtureRequest, ledger_sandbox: "Sandbox", tmp_path: Path
) -> Ecosystem:
    """The ecosystem with modules that import the ledger, and with unedited ones."""
    made = ecokit.copied(tmp_path)
    if request.param == "api.openrouter":
        made.use_shims()
    return made


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def three(name: str) -> list[str]:
    return [f"{name}_{part}.json" for part in ("config", "data", "log")]


def test_flow_mbank_has_its_own_three_files_and_those_of_the_api(ecosystem: Ecosystem) -> None:
    first = ecosystem.plan()
    assert first["status"] == "open"
    assert "Config created, please reload and try again" in first["error"]
    second = ecosystem.plan()
    assert (second["status"], second["error"]) == ("closed", None)
    assert "Repaint the shed" in second["summary"]
    made = [*three("flow_mbank"), *three("openrouter_skill")]
    assert files(ecosystem.root / "flow" / "flow_json") == made
    assert ecosystem.rows(CALLS) == [("flow_mbank", "flow_mbank", FREE_MODEL, "finished")]
    assert ecosystem.json("flow/flow_json/flow_mbank_data.json")["data"] == {"open": 1, "closed": 1}
    assert "the plan stays open" in ecosystem.said()


def test_a_skill_without_a_name_is_found_out(ecosystem: Ecosystem) -> None:
    assert ecosystem.succeed(CHAT).count("assistant: ") == 2
    name = "live_chat_context_skill"
    called = (name, name, "anthropic/claude-3.5-sonnet", "finished")
    assert ecosystem.rows(CALLS) == [called, called]
    folder = ecosystem.root / "skills" / "skills_chat" / "skills_chat_json"
    assert files(folder) == three("openrouter_skill")


def test_a_chain_of_skills_is_booked_under_its_last(
    ecosystem: Ecosystem, ledger_sandbox: "Sandbox"
) -> None:
    ecosystem.succeed(ORCHESTRATOR)
    chain = "orchestrator->skill1->skill2"
    assert ecosystem.rows(CALLS) == [("skill2", chain, "openai/gpt-4o-mini", "finished")]
    folder = ecosystem.root / "skills" / "skills_multi" / "skills_multi_json"
    assert files(folder) == three("openrouter_skill")


def test_the_logger_can_ask_too(ecosystem: Ecosystem) -> None:
    assert ecosystem.python(LOGGER).returncode != 0  # the first call makes its config
    assert "summing up" in ecosystem.succeed(LOGGER)
    assert ecosystem.rows(CALLS) == [("prax_logger", "prax_logger", FREE_MODEL, "finished")]
    assert files(ecosystem.root / "prax" / "prax_json") == three("openrouter_skill")
    assert "caller prax_logger, model" in ecosystem.said()


def test_modules_at_the_same_time_are_all_in_the_same_books(ecosystem: Ecosystem) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, module],
            cwd=ecosystem.root,
            env=ecosystem.environment(),
            stdout=subprocess.DEVNULL,
        )
        for module in (CHAT, ORCHESTRATOR, CHAT, ORCHESTRATOR)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert sorted(ecosystem.rows("select caller, requests from caller_usage")) == [
        ("live_chat_context_skill", 4),
        ("skill2", 2),
    ]


def test_after_one_call_and_settle_the_files_show_it(
    ecosystem: Ecosystem, ledger_sandbox: "Sandbox"
) -> None:
    ledger_sandbox.reply(text="Done.", tokens=(120, 30), cost="0.0012", generation_delay_s=0)
    ecosystem.succeed(ORCHESTRATOR)
    ecosystem.succeed("-m", "ledger", "settle")
    usage = {"requests": 1, "total_cost": 0.0012, "total_tokens": 150, "settled_cost": 0.0012}
    home = ecosystem.json("api/api_json/api_data.json")
    assert usage.items() <= home["usage_by_caller"]["skill2"].items()
    (day,) = home["daily_totals"].values()
    assert usage.items() <= day.items()
    assert home["current_session"]["total_requests"] == 1
    skill = ecosystem.json("skills/skills_multi/skills_multi_json/openrouter_skill_data.json")
    assert "0.0012" in json.dumps(skill)
    (entry,) = ecosystem.json("api/api_json/api_log.json")["logs"]
    assert (entry["caller"], entry["status"], entry["cost"]) == ("skill2", "success", 0.0012)


def test_modules_written_for_none_get_none(ledger_sandbox: "Sandbox", tmp_path: Path) -> None:
    made = ecokit.copied(tmp_path)
    made.use_shims(none=True)
    assert made.plan("invalid/model")["error"] == "no response: see the API's log"
    assert made.plan("openai/gpt-4o-mini")["status"] == "closed"
    assert "call failed" in made.said()
    assert [row[0] for row in made.rows(CALLS)] == ["flow_mbank", "flow_mbank"]


USES_SHIMS = """\
from api.api_connect import APIConnect
from api.api_usage import APIUsageTracker
from api.openrouter import OpenRouterClient
import sys

assert APIConnect().get_api_key() == sys.argv[1]
reply = OpenRouterClient().get_response("Hello", "openai/gpt-4o-mini")
booked = APIUsageTracker().track_usage("flow_mbank", sys.argv[2], "openai/gpt-4o-mini")
print(booked.caller, booked.cost_grade)
"""


def test_the_other_two_modules_of_the_api_work_unedited(
    ledger_sandbox: "Sandbox", tmp_path: Path
) -> None:
    made = ecokit.copied(tmp_path)
    made.use_shims()
    (made.root / "flow" / "elsewhere.py").write_text(USES_SHIMS, "utf-8")
    made.succeed(CHAT)
    (generation, *_) = made.rows("select generation_id from request_status")
    shown = made.succeed("flow/elsewhere.py", ledger_sandbox.key, "gen-made-elsewhere")
    assert shown == "flow_mbank pending\n"
    callers = [row[0] for row in made.rows("select distinct caller from request_status order by 1")]
    assert callers == ["elsewhere", "flow_mbank", "live_chat_context_skill"]
    assert ledger_sandbox.key not in made.said()
    assert generation


def test_the_modules_use_only_public_names() -> None:
    for path in ecokit.SOURCE.rglob("*.py"):
        for line in path.read_text("utf-8").splitlines():
            assert "import ledger" not in line
            assert "from ledger" not in line or line.startswith("from ledger import ")
    assert MBANK.endswith("flow_mbank.py")
