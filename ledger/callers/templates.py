"""The one template of each config file, and the shapes of a caller's three files.

The ledger creates these files once and never writes over them: they are their users'. Keys and
their order are those that existing modules already read.
"""

import json
from decimal import Decimal
from typing import Any

JsonObject = dict[str, Any]

SKILL_CONFIG_FILE = "openrouter_skill_config.json"
SKILL_DATA_FILE = "openrouter_skill_data.json"
SKILL_LOG_FILE = "openrouter_skill_log.json"

HOME_FOLDER = "api_json"
OPENROUTER_CONFIG_FILE = "openrouter_config.json"
API_CONFIG_FILE = "api_config.json"

BASE_URL = "https://openrouter.ai/api/v1"
KEY_PLACEHOLDER = "sk-or-v1-..."
TIMEOUT_SECONDS = 30
TEMPLATE_FIELDS = ("ai_model", "ai_temperature", "ai_max_tokens", "enabled")


def caller_config_document(now_text: str) -> JsonObject:
    """A caller's config as it is first written: the same for every module."""
    return {
        "skill_name": "openrouter",
        "timestamp": now_text,
        "config": {
            "ai_model": "deepseek/deepseek-chat-v3.1:free",
            "ai_temperature": Decimal("0.5"),
            "ai_max_tokens": 1500,
            "enabled": True,
        },
    }


def caller_data_document() -> JsonObject:
    """A caller's data file before any call."""
    return {"skill_name": "openrouter", "data": {}}


def caller_log_document() -> JsonObject:
    """A caller's log file before any call."""
    return {"skill_name": "openrouter", "logs": []}


def openrouter_config_document(now_text: str, *, auto_export: bool) -> JsonObject:
    """The home's `openrouter_config.json`: settings for every call of this home."""
    return {
        "module_name": "openrouter",
        "timestamp": now_text,
        "config": {
            "base_url": BASE_URL,
            "timeout_seconds": TIMEOUT_SECONDS,
            "enabled": True,
            "log_requests": True,
            "log_responses": False,
            "auto_provision": True,
            "auto_export": auto_export,
        },
    }


def api_config_document(now_text: str) -> JsonObject:
    """The home's `api_config.json`: where a key can stand; the placeholder counts as none."""
    return {
        "skill_name": "api_system",
        "timestamp": now_text,
        "version": "1.0.0",
        "config": {
            "enabled": True,
            "providers": {"openrouter": {"api_key": KEY_PLACEHOLDER, "base_url": BASE_URL}},
            "default_provider": "openrouter",
            "timeout_seconds": TIMEOUT_SECONDS,
        },
    }


def render(document: JsonObject) -> bytes:
    """The bytes of a file: indented by 2, ASCII only, so that every platform's default reads it.

    Raises:
        ValueError: a Decimal that JSON's number, as Python writes it, cannot hold exactly.
    """
    text = json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False, default=_number)
    return text.encode("ascii") + b"\n"


def _number(value: object) -> float:
    """A Decimal as the number with the same digits. Config values only; no money is here."""
    if not isinstance(value, Decimal):
        raise TypeError(f"no JSON value: {type(value).__name__}")
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} cannot be written as a JSON number without a loss")
    return number
