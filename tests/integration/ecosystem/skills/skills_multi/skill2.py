"""Asks the model, on behalf of those who called it."""

from typing import Any

from ledger import get_response

MODEL = "openai/gpt-4o-mini"


def ask(messages: list[dict[str, Any]], chain: str) -> str:
    return get_response(messages, model=MODEL, caller=f"multi_skill:{chain}->skill2")
