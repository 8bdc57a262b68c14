"""Puts a file's content into the messages, and hands them on."""

from pathlib import Path

from skills.skills_multi.skill2 import ask


def with_file(name: str, question: str, chain: str) -> str:
    content = (Path(__file__).parent / name).read_text("utf-8")
    messages = [
        {"role": "system", "content": f"{name} says: {content}"},
        {"role": "user", "content": question},
    ]
    return ask(messages, f"{chain}->skill1")
