"""Analyses a plan with a model, and closes it when that worked."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prax.prax_logger import system_logger as logger

from ledger import get_response

FLOW_JSON_DIR = Path(__file__).parent / "flow_json"
CONFIG_FILE = FLOW_JSON_DIR / "flow_mbank_config.json"
DATA_FILE = FLOW_JSON_DIR / "flow_mbank_data.json"
LOG_FILE = FLOW_JSON_DIR / "flow_mbank_log.json"
DEFAULTS: dict[Path, dict[str, Any]] = {
    CONFIG_FILE: {"module_name": "flow_mbank", "config": {"trl": {"plan": 1, "built": 9}}},
    DATA_FILE: {"module_name": "flow_mbank", "data": {"open": 0, "closed": 0}},
    LOG_FILE: {"module_name": "flow_mbank", "logs": []},
}


class Plan:
    """Stays open, with the reason, until its analysis worked."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.status = "open"
        self.summary: str | None = None
        self.error: str | None = None

    def take(self, response: str | None) -> None:
        """Close with a summary; None, where the API returns it, is no summary."""
        if response is None:
            self.error = "no response: see the API's log"
        else:
            self.status, self.summary = "closed", str(response)


def init_files() -> None:
    """The module's own three files, made again where one is missing."""
    FLOW_JSON_DIR.mkdir(exist_ok=True)
    for path, document in DEFAULTS.items():
        if not path.exists():
            path.write_text(json.dumps(document, indent=2), encoding="ascii")


def get_ai_model() -> str | None:
    """The model that this module's API config names; None before the first call."""
    api_config_file = FLOW_JSON_DIR / "openrouter_skill_config.json"
    if not api_config_file.exists():
        return None
    with open(api_config_file) as file:  # noqa: PTH123 - as existing modules read it
        model: str | None = json.load(file).get("config", {}).get("ai_model")
    return model


def analyze_plan_content(plan: Plan, model: str | None) -> None:
    messages = [
        {"role": "system", "content": "You summarise plans in one sentence."},
        {"role": "user", "content": plan.text},
    ]
    try:
        response = get_response(messages=messages, model=model, caller="flow_mbank")
    except Exception as error:  # noqa: BLE001 - the plan stays open, whatever it was
        plan.error = str(error)
    else:
        plan.take(response)
    if plan.error:
        logger(f"flow_mbank: the plan stays open: {plan.error}")


def keep(plan: Plan) -> None:
    """Count the plan and note what became of it."""
    data = json.loads(DATA_FILE.read_text(encoding="ascii"))
    data["data"][plan.status] += 1
    DATA_FILE.write_text(json.dumps(data, indent=2), encoding="ascii")
    log = json.loads(LOG_FILE.read_text(encoding="ascii"))
    at = datetime.now(UTC).isoformat()
    log["logs"].append({"timestamp": at, "success": plan.error is None, "details": plan.error})
    LOG_FILE.write_text(json.dumps(log, indent=2), encoding="ascii")


if __name__ == "__main__":
    init_files()
    asked = Plan("Repaint the shed, then the fence.")
    analyze_plan_content(asked, sys.argv[1] if sys.argv[1:] else get_ai_model())
    keep(asked)
    print(json.dumps(vars(asked)))
