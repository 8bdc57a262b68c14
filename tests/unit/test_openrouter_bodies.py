"""Answers of the endpoints beside chat, in the shapes of the provider's specification."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.openrouter import billable, bodies, exact
from ledger.openrouter.answers import Answer
from ledger.openrouter.billable import Service

RESPONSE = {
    "id": "gen-1764000000-AbCdEfGhIjKlMnOpQrSt",
    "object": "response",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "openai/gpt-4o",
    "output": [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "To get there."}]},
    ],
    "service_tier": "default",
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
        "output_tokens": 25,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 35,
        "cost": 0.0012,
        "is_byok": False,
        "cost_details": {"upstream_inference_cost": 0.001},
    },
}
MESSAGE = {
    "id": "gen-1",
    "type": "message",
    "role": "assistant",
    "model": "anthropic/claude-sonnet-4",
    "provider": "Anthropic",
    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Well."}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 12,
        "output_tokens": 18,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 3,
        "output_tokens_details": {"thinking_tokens": 2},
        "cost": 1e-7,
        "is_byok": True,
        "cost_details": {"upstream_inference_cost": 0.5},
    },
}
EMBEDDINGS = {
    "id": "gen-emb-1",
    "object": "list",
    "model": "openai/text-embedding-3-small",
    "provider": "OpenAI",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8, "cost": 1.2e-7},
}
RERANK = {
    "id": "gen-rerank-1",
    "model": "cohere/rerank-v3.5",
    "provider": "Cohere",
    "results": [],
    "usage": {"search_units": 1, "total_tokens": 150, "cost": 0.001},
}
IMAGES = {
    "created": 1748372400,
    "data": [{"b64_json": "aGk="}],
    "usage": {"prompt_tokens": 0, "completion_tokens": 4175, "total_tokens": 4175, "cost": 0.04},
}
TRANSCRIPT = {
    "text": "Hello.",
    "usage": {
        "cost": 0.000508,
        "input_tokens": 83,
        "output_tokens": 30,
        "seconds": 9.2,
        "total_tokens": 113,
    },
}
VIDEO = {
    "id": "job-1",
    "generation_id": "gen-vid-1",
    "status": "completed",
    "polling_url": "/api/v1/videos/job-1",
    "usage": {"cost": 0.5, "is_byok": False},
}


def read(endpoint: Service, members: dict[str, Any]) -> Answer:
    """A body, read; its floats become the literals that they are written as."""
    return bodies.read(endpoint, json.dumps(members).encode())


# endpoint, body, (id, model, provider, finish, text), (prompt, completion, total, reasoning,
# cached, written, cost, upstream, byok)
TABLE: list[tuple[Service, dict[str, Any], tuple[Any, ...], tuple[Any, ...]]] = [
    (
        billable.RESPONSES,
        RESPONSE,
        (RESPONSE["id"], "openai/gpt-4o", None, "completed", "To get there."),
        (10, 25, 35, 5, 4, 1, 1_200_000_000, 1_000_000_000, False),
    ),
    (
        billable.MESSAGES,
        MESSAGE,
        ("gen-1", "anthropic/claude-sonnet-4", "Anthropic", "end_turn", "Well."),
        (12, 18, None, 2, 7, 3, 100_000, 500_000_000_000, True),
    ),
    (
        billable.EMBEDDINGS,
        EMBEDDINGS,
        ("gen-emb-1", "openai/text-embedding-3-small", "OpenAI", None, ""),
        (8, None, 8, None, None, None, 120_000, None, None),
    ),
    (
        billable.RERANK,
        RERANK,
        ("gen-rerank-1", "cohere/rerank-v3.5", "Cohere", None, ""),
        (None, None, 150, None, None, None, 1_000_000_000, None, None),
    ),
    (
        billable.IMAGES,
        IMAGES,
        (None, None, None, None, ""),
        (0, 4175, 4175, None, None, None, 40_000_000_000, None, None),
    ),
    (
        billable.TRANSCRIPTIONS,
        TRANSCRIPT,
        (None, None, None, None, "Hello."),
        (83, 30, 113, None, None, None, 508_000_000, None, None),
    ),
    (
        billable.VIDEO_JOB,
        VIDEO,
        ("gen-vid-1", None, None, "completed", ""),
        (None, None, None, None, None, None, 500_000_000_000, None, False),
    ),
]


@pytest.mark.parametrize(
    ("endpoint", "body", "facts", "counts"), TABLE, ids=[row[0].name for row in TABLE]
)
def test_each_endpoint_has_its_own_places(
    endpoint: Service, body: dict[str, Any], facts: tuple[Any, ...], counts: tuple[Any, ...]
) -> None:
    answer = read(endpoint, body)
    found = (
        answer.generation_id,
        answer.model,
        answer.provider,
        answer.finish_reason,
        answer.text,
    )
    assert found == facts
    usage = answer.usage
    assert usage is not None
    assert counts == (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        usage.reasoning_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.cost_pico,
        usage.upstream_pico,
        usage.is_byok,
    )
    assert usage.flags == ()
    assert answer.usage_text is not None
    assert exact.loads(answer.usage_text) == answer.raw["usage"]
    assert (answer.unknown, answer.error) == (None, None)


def test_a_completion_is_read_as_a_chat_is() -> None:
    body = {"id": "gen-1", "choices": [{"text": "old", "finish_reason": "stop"}]}
    answer = read(billable.COMPLETIONS, body)
    assert (answer.generation_id, answer.text, answer.finish_reason) == ("gen-1", "old", "stop")
    assert not read(billable.COMPLETIONS, {"choices": []}).has_choices


@pytest.mark.parametrize(
    ("endpoint", "members", "message"),
    [
        (billable.RESPONSES, {"status": "failed"}, "its status is failed"),
        (
            billable.RESPONSES,
            {"status": "failed", "error": {"code": "server_error", "message": "Oh."}},
            "Oh.",
        ),
        (billable.MESSAGES, {"type": "error", "error": {"message": "Overloaded"}}, "Overloaded"),
        (billable.VIDEO_JOB, {"status": "failed", "error": "No film."}, "No film."),
        (billable.VIDEO_JOB, {"status": "expired"}, "its status is expired"),
        (billable.EMBEDDINGS, {"error": {"code": 500, "message": "Oh."}}, "Oh."),
    ],
)
def test_a_failure_inside_an_answer_is_found(
    endpoint: Service, members: dict[str, Any], message: str
) -> None:
    error = read(endpoint, members).error
    assert error is not None
    assert error.message == message


def test_a_response_keeps_its_stable_type_of_error() -> None:
    error = read(billable.RESPONSES, {"status": "failed", "error_type": "timeout"}).error
    assert error is not None
    assert error.error_type == "timeout"


def test_a_response_that_was_cut_says_where() -> None:
    members = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    answer = read(billable.RESPONSES, members)
    assert (answer.finish_reason, answer.error) == ("max_output_tokens", None)


@pytest.mark.parametrize("status", ["pending", "in_progress", "a new word", None, 5])
def test_a_video_that_is_under_way_is_not_over(status: Any) -> None:
    answer = read(billable.VIDEOS, {"id": "job-1", "status": status, "generation_id": None})
    assert (bodies.is_over(answer), bodies.job_id(answer)) == (False, "job-1")
    assert (answer.generation_id, answer.usage, answer.error) == (None, None, None)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "expired"])
def test_a_video_that_is_done_is_over(status: str) -> None:
    assert bodies.is_over(read(billable.VIDEO_JOB, {"status": status}))


def test_names_that_nobody_knows_are_named_with_their_type() -> None:
    for endpoint in billable.ALL:
        assert read(endpoint, {"new_thing": {}}).unknown == "new_thing:object"


NAMES = (
    *("id", "generation_id", "model", "usage", "status", "error", "error_type", "output"),
    *("content", "text", "stop_reason", "type", "incomplete_details", "reason", "cost"),
    *("input_tokens_details", "cost_details"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.sampled_from([*billable.ALL, billable.VIDEO_JOB]), JSON)
def test_members_of_any_type_raise_nothing(endpoint: Service, value: Any) -> None:
    body = exact.dumps(value).encode()
    if isinstance(value, dict):
        assert isinstance(bodies.read(endpoint, body), Answer)
        return
    with pytest.raises(exact.NotJson):
        bodies.read(endpoint, body)
