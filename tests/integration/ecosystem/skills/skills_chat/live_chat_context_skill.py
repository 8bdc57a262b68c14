"""A chat of two turns; says which model it wants, and lets itself be found out as the caller."""

from typing import Any

from prax.prax_logger import system_logger as logger

from ledger import get_response

MODEL = "anthropic/claude-3.5-sonnet"


def chat(turns: list[str]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in turns:
        messages.append({"role": "user", "content": turn})
        reply = get_response(messages, model=MODEL)
        messages.append({"role": "assistant", "content": str(reply)})
    logger.info(f"live_chat_context: {len(turns)} turns")
    return messages


if __name__ == "__main__":
    for message in chat(["Hello", "And what did I say?"]):
        print(f"{message['role']}: {message['content']}")
