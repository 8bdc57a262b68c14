"""The plan's standards: three JSON files each, the logger, explicit errors, configuration."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ecokit
import pytest
from ecokit import CHAT, LOGGER, MBANK, ORCHESTRATOR, Ecosystem

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

ROOT = ecokit.ROOT
ROW = re.compile(
    r"^\| (?P<plan>[^|]+) \| (?P<here>[^|]+) \| `(?P<test>test_\w+)` \|$", re.MULTILINE
)
FORBIDDEN = ("openai", "requests")


@pytest.fixture
def ecosystem(ledger_sandbox: "Sandbox", tmp_path: Path) -> Ecosystem:
    """An ecosystem after a refusal, a failure, three answers and one export."""
    ledger_sandbox.reply(model="anthropic/claude-3.5-sonnet", tokens=(9, 3), cost="0.0000106")
    made = ecokit.copied(tmp_path)
    made.plan()
    made.plan("invalid/model")
    made.plan()
    made.succeed(CHAT)
    made.succeed("-m", "ledger", "export")
    return made


def test_the_three_files_of_each_set_have_the_plans_structure(ecosystem: Ecosystem) -> None:
    home, flow = "api/api_json", "flow/flow_json"
    api = ecosystem.json(f"{home}/api_config.json")
    assert {"skill_name", "timestamp", "version", "config"} <= set(api)
    assert api["skill_name"] == "api_system"
    assert {"enabled", "providers", "default_provider", "timeout_seconds"} <= set(api["config"])
    assert {"api_key", "base_url"} <= set(api["config"]["providers"]["openrouter"])
    data = ecosystem.json(f"{home}/api_data.json")
    assert {"current_session", "usage_by_caller", "daily_totals"} <= set(data)
    session = {"start_time", "total_requests", "total_cost"}
    assert session <= set(data["current_session"])
    usage = data["usage_by_caller"]["live_chat_context_skill"]
    assert (usage["requests"], usage["total_cost"], usage["total_tokens"]) == (2, 0.0000212, 24)
    keys = {"timestamp", "caller", "model", "generation_id", "status", "tokens", "cost"}
    for entry in ecosystem.json(f"{home}/api_log.json")["logs"]:
        assert keys | {"latency_ms"} <= set(entry)
    own = ecosystem.json(f"{home}/openrouter_data.json")
    assert own["module_name"] == "openrouter"
    counts = {"total_requests": 4, "successful_requests": 3, "failed_requests": 1}
    assert counts.items() <= own["data"].items()
    callers = {"flow_mbank", "live_chat_context_skill"}
    assert set(own["data"]["provisioned_configs"]) == callers
    assert set(own["data"]["callers_tracked"]) == callers
    (log,) = [ecosystem.json(f"{home}/openrouter_log.json")["logs"]]
    for entry in log:
        assert {"timestamp", "operation", "caller", "success", "details"} <= set(entry)
    assert "provision_config" in {entry["operation"] for entry in log}
    for part, member in (("config", "config"), ("data", "data"), ("log", "logs")):
        document = ecosystem.json(f"{flow}/openrouter_skill_{part}.json")
        assert document["skill_name"] == "openrouter"
        assert member in document


def test_the_logger_is_integrated(ecosystem: Ecosystem) -> None:
    said = ecosystem.said()
    for part in ("caller flow_mbank: config created", "call refused", "call failed", "request "):
        assert part in said
    for source in ("flow_mbank: ", "live_chat_context: "):
        assert source in said


def test_errors_are_explicit_logged_and_counted(ecosystem: Ecosystem) -> None:
    plan = ecosystem.plan("sandbox/error-429")
    assert plan["status"] == "open"
    assert "status 429" in plan["error"]
    assert ecosystem.said().count("call failed") == 2
    ecosystem.succeed("-m", "ledger", "export")
    flow = ecosystem.json("flow/flow_json/openrouter_skill_data.json")
    assert _member(flow, "failed_requests") == 2


def _member(document: Any, name: str) -> Any:
    """A member of that name, however deep; of several, the first."""
    if isinstance(document, dict):
        if name in document:
            return document[name]
        found = (_member(each, name) for each in document.values())
        return next((each for each in found if each is not None), None)
    return None


def test_the_configuration_is_obeyed(ecosystem: Ecosystem) -> None:
    path = ecosystem.root / "api" / "api_json" / "openrouter_config.json"
    keys = {"base_url", "timeout_seconds", "enabled", "log_requests", "log_responses"}
    assert keys | {"auto_provision"} <= set(
        ecosystem.json("api/api_json/openrouter_config.json")["config"]
    )
    path.write_text(path.read_text("ascii").replace('"enabled": true', '"enabled": false'), "ascii")
    plan = ecosystem.plan("openai/gpt-4o-mini")
    assert plan["status"] == "open"
    assert "switched off" in plan["error"]


@pytest.mark.parametrize("module", [MBANK, CHAT, ORCHESTRATOR, LOGGER])
def test_no_calling_process_loads_openai_or_requests(
    ledger_sandbox: "Sandbox", tmp_path: Path, module: str
) -> None:
    made = ecokit.copied(tmp_path)
    made.use_shims()
    code = (
        f"import runpy, sys; sys.argv = [{module!r}]\n"
        "try:\n"
        f"    runpy.run_path({module!r}, run_name='__main__')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__)\n"
        "from ledger import get_response\n"
        "get_response('Hello', model='openai/gpt-4o-mini', caller='last')\n"
        f"print()\nprint([name for name in {FORBIDDEN} if name in sys.modules])\n"
        "print('httpx' in sys.modules)\n"
    )
    assert made.succeed("-c", code).splitlines()[-2:] == ["[]", "True"]
    assert ledger_sandbox.calls


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "ledger" / "py.typed").exists()
    assert "strict = true" in (ROOT / "pyproject.toml").read_text("utf-8")


def test_every_item_of_the_plan_names_a_test_that_is_there() -> None:
    section = ecokit.README.read_text("utf-8").partition("### From the plan to here\n")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    rows = [row for line in lines[1:] if (row := ROW.match(line))]
    assert len(rows) == len(lines) - 1
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = [row["test"] for row in rows if f"def {row['test']}(" not in tests]
    assert missing == []
    items = [row["plan"] for row in rows]
    expected = {"1, api_connect": 4, "1, api_usage": 4, "1, openrouter": 4, "1C": 1}
    expected |= {f"1A.{n}": 1 for n in range(1, 7)} | {f"1B.{n}": 1 for n in range(1, 5)}
    expected |= {"1D.1": 1, "1D.2": 1, "1D.3": 2, "1D.4": 1, "done": 5, "success": 5}
    counted = {start: sum(item.startswith(start) for item in items) for start in expected}
    assert counted == expected
