"""Streams of events that have types, in the shapes of the provider's specification."""

import itertools
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.openrouter import billable, reading
from ledger.openrouter.answers import Answer
from ledger.openrouter.folding import Folder
from ledger.openrouter.sse import Decoder

USAGE = '{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cost": 1.50e-7}'


def events(*chunks: str | dict[str, Any], named: bool = False) -> bytes:
    """A stream of these events; each with its type as its name, or with no name at all."""
    lines = []
    for chunk in chunks:
        text = chunk if isinstance(chunk, str) else json.dumps(chunk)
        if named and text.startswith("{"):
            lines.append(f"event: {json.loads(text).pop('type')}\n")
        lines.append(f": OPENROUTER PROCESSING\ndata: {text}\n\n")
    return "".join(lines).encode()


def fold(service: billable.Service, data: bytes, cuts: list[int] | None = None) -> Folder:
    """A stream, read in pieces."""
    folder, decoder = reading.endpoint_of(service).folder(), Decoder()
    places = [0, *sorted(cuts or []), len(data)]
    for start, end in itertools.pairwise(places):
        for event in decoder.feed(data[start:end]):
            folder.event(event)
    for event in decoder.end():
        folder.event(event)
    return folder


def response(status: str, usage: str | None = None, **more: Any) -> str:
    """An event of `/responses`."""
    state = {"id": "gen-1", "status": status, "model": "openai/gpt-4o", "output": [], **more}
    text = json.dumps({"type": f"response.{status}", "response": state, "sequence_number": 1})
    return text if usage is None else text.replace('"output": []', f'"usage": {usage}, "output":[]')


RESPONSES = events(
    response("in_progress").replace("response.in_progress", "response.created"),
    {"type": "response.output_text.delta", "delta": "usage"},
    {"type": "response.of_a_new_kind", "response": "none"},
    response("completed", USAGE),
    "[DONE]",
)
MESSAGES = events(
    {
        "type": "message_start",
        "message": {
            "id": "gen-2",
            "model": "anthropic/claude-sonnet-4",
            "provider": "Anthropic",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 12, "output_tokens": 0, "cache_read_input_tokens": 3},
        },
    },
    {"type": "ping"},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Well."}},
    '{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},'
    ' "usage": {"input_tokens": null, "output_tokens": 18, "cost": 0.000100}}',
    {"type": "message_stop"},
    named=True,
)
IMAGES = events(
    {"type": "image_generation.partial_image", "b64_json": "aGk=", "partial_image_index": 0},
    {"type": "image_generation.completed", "b64_json": "aGk=", "usage": {"cost": 1, "x": 2}},
    "[DONE]",
)


def test_a_stream_of_responses_ends_with_its_usage_to_the_digit() -> None:
    folder = fold(billable.RESPONSES, RESPONSES)
    answer = folder.answer()
    assert folder.is_complete
    assert (folder.generation_id, answer.model, answer.finish_reason) == (
        "gen-1",
        "openai/gpt-4o",
        "completed",
    )
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.cost_pico) == (10, 150_000)
    assert answer.usage_text == USAGE
    assert (answer.error, answer.unknown, folder.unreadable) == (None, None, 0)


def test_a_stream_of_messages_counts_what_its_beginning_and_its_end_say() -> None:
    folder = fold(billable.MESSAGES, MESSAGES)
    answer = folder.answer()
    assert folder.is_complete
    assert (folder.generation_id, answer.provider, answer.finish_reason) == (
        "gen-2",
        "Anthropic",
        "end_turn",
    )
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (12, 18, 3)
    assert usage.cost_pico == 100_000_000
    assert answer.usage_text == '{"input_tokens": null, "output_tokens": 18, "cost": 0.000100}'


def test_a_stream_of_images_has_its_usage_and_no_id() -> None:
    folder = fold(billable.IMAGES, IMAGES)
    assert (folder.is_complete, folder.generation_id) == (True, None)
    assert folder.answer().usage is not None


def test_the_text_of_each_event_is_handed_on() -> None:
    for service, data, text in (
        (billable.RESPONSES, RESPONSES, "usage"),
        (billable.MESSAGES, MESSAGES, "Well."),
    ):
        folder = reading.endpoint_of(service).folder()
        assert "".join(folder.event(event) for event in Decoder().feed(data)) == text


@pytest.mark.parametrize(
    ("service", "last"),
    [
        (billable.RESPONSES, response("failed", error={"message": "Oh.", "code": "server_error"})),
        (billable.RESPONSES, {"type": "response.error", "error": {"message": "Oh."}}),
        (billable.RESPONSES, {"type": "error", "message": "Oh.", "code": "server_error"}),
        (billable.RESPONSES, {"error": {"message": "Oh.", "code": 502}}),
        (billable.MESSAGES, {"type": "error", "error": {"type": "api_error", "message": "Oh."}}),
        (billable.IMAGES, {"type": "error", "error": {"message": "Oh.", "code": None}}),
        (billable.EMBEDDINGS, {"error": {"message": "Oh."}}),
    ],
)
def test_an_error_event_is_the_answers_error(service: billable.Service, last: Any) -> None:
    folder = fold(service, events({"type": "something"}, last, "[DONE]"))
    error = folder.answer().error
    assert error is not None
    assert (error.message, folder.is_complete) == ("Oh.", True)


def test_an_error_stays_though_a_state_without_one_follows() -> None:
    data = events({"type": "error", "message": "Oh."}, response("completed", USAGE))
    answer = fold(billable.RESPONSES, data).answer()
    assert answer.error is not None
    assert answer.usage is not None


@pytest.mark.parametrize(
    ("service", "data"),
    [(billable.RESPONSES, RESPONSES), (billable.MESSAGES, MESSAGES), (billable.IMAGES, IMAGES)],
)
def test_however_a_stream_is_cut_it_is_the_same(service: billable.Service, data: bytes) -> None:
    whole = fold(service, data).answer()
    assert fold(service, data, list(range(1, len(data)))).answer() == whole
    assert fold(service, data.replace(b"\n", b"\r\n")).answer() == whole
    chance = random.Random(6)
    for _ in range(100):
        cuts = chance.sample(range(1, len(data)), 7)
        assert fold(service, data, cuts).answer() == whole


@pytest.mark.parametrize(
    ("service", "data"), [(billable.RESPONSES, RESPONSES), (billable.MESSAGES, MESSAGES)]
)
def test_a_stream_that_breaks_off_is_not_complete(service: billable.Service, data: bytes) -> None:
    folder = fold(service, data[: data.index(b"delta")])
    assert not folder.is_complete
    assert folder.generation_id is not None


def test_too_much_content_leaves_the_figures() -> None:
    long = response("completed", USAGE).replace('"output":[]', '"output":["' + "x" * 500 + '"]')
    folder = fold(billable.RESPONSES, events(response("in_progress"), long))
    assert "output" in folder.answer().raw
    small = type(folder)(billable.RESPONSES, 100)  # type: ignore[call-arg, arg-type] # a TypedFolder
    for event in Decoder().feed(events(long)):
        small.event(event)
    answer = small.answer()
    assert small.is_cut
    assert "output" not in answer.raw
    assert answer.usage_text == USAGE


CHUNKS = st.dictionaries(
    st.sampled_from(["type", "response", "message", "delta", "usage", "error", "id"]),
    st.none()
    | st.integers()
    | st.sampled_from(["message_start", "message_delta", "response.completed", "error", "x"])
    | st.dictionaries(
        st.sampled_from(["id", "usage", "text", "stop_reason"]), st.none() | st.text()
    ),
)


@given(st.sampled_from([*billable.ALL, billable.VIDEO_JOB]), st.lists(CHUNKS | st.integers()))
def test_events_of_any_shape_raise_nothing(service: billable.Service, chunks: list[Any]) -> None:
    data = events(*(json.dumps(chunk) for chunk in chunks), "no json")
    assert isinstance(fold(service, data).answer(), Answer)
