"""An error never repeats what was asked or answered, and keeps the rest of its words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import clock
from ledger.openrouter import echoes

PROMPT = "Tell nobody that the merger with Acme is signed on Friday."


def _body(**more: Any) -> bytes:
    messages = [{"role": "user", "content": PROMPT}]
    return json.dumps({"model": "openai/gpt-4o-mini", "messages": messages, **more}).encode()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"Refused: {PROMPT}", "Refused: [content]"),
        (f"Refused: '{PROMPT[:30]}...' is not allowed", "Refused: '[content]...' is not allowed"),
        (f"Refused: ...{PROMPT[20:50]}", "Refused: ...[content]"),
        (f"{PROMPT} {PROMPT}", "[content] [content]"),
        ("openai/gpt-4o-mini is not a valid model ID", None),
        ("messages.0.role: user is not allowed", None),
        ("This request requires more credits, or fewer max_tokens.", None),
        ("", None),
    ],
)
def test_what_was_sent_is_cut_and_the_explanation_stays(said: str, kept: str | None) -> None:
    assert echoes.cut(said, echoes.contents(_body())) == (said if kept is None else kept)


def test_content_is_found_wherever_a_request_can_hold_it() -> None:
    parts = [{"type": "text", "text": "the text of a part"}]
    body = _body(
        system="the system prompt",
        tools=[{"type": "function", "function": {"description": "what the tool does"}}],
        user="a.person@example.org",
        more={"input": parts},
    )
    found = echoes.contents(body)
    for text in (
        PROMPT,
        "the system prompt",
        "the text of a part",
        "what the tool does",
        "a.person@example.org",
    ):
        assert text in found
    assert "openai/gpt-4o-mini" not in found
    assert "function" not in found


@pytest.mark.parametrize("body", [b"", b"no json", b"[" * 100_000, b"7"])
def test_a_body_that_is_no_json_has_no_content(body: bytes) -> None:
    assert echoes.contents(body) == []


def test_metadata_is_cut_at_any_depth() -> None:
    value = {"a": [{"b": f"said {PROMPT}"}], "n": 7, "t": True}
    assert echoes.cut_all(value, [PROMPT]) == {"a": [{"b": "said [content]"}], "n": 7, "t": True}


@settings(deadline=None)
@given(st.text(min_size=24, max_size=80), st.text(max_size=40), st.text(max_size=40), st.data())
def test_no_longer_run_of_the_content_stays(
    secret: str, before: str, after: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(secret) - 24))
    said = before + secret[start : start + 24] + after
    kept = echoes.cut(said, [secret])
    for place in range(len(secret) - 23):
        assert secret[place : place + 24] not in kept


@pytest.mark.parametrize("prompt", ["y" * 8_000_000, "x" * 8_000_000, "xy z" * 2_000_000])
def test_a_long_prompt_is_searched_in_no_time(prompt: str) -> None:
    began = clock.monotonic()
    said = echoes.cut("x" * 2000 + "xy z" * 500, [prompt])
    assert clock.monotonic() - began < 5
    assert prompt[:24] not in said
