import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.openrouter import exact
from ledger.openrouter.answers import Answer, parse_answer

# The first draw of a fresh checkout builds a table of all characters, which takes a second.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

RECORDED = (
    b'\n\n  {"id":"gen-1764000000-AbCdEfGhIjKlMnOpQrSt","provider":"Google AI Studio",'
    b'"model":"google/gemini-2.5-flash","object":"chat.completion","created":1764000000,'
    b'"choices":[{"logprobs":null,"finish_reason":"stop","native_finish_reason":"STOP","index":0,'
    b'"message":{"role":"assistant","content":"the usage","refusal":null,"reasoning":"hm"}}],'
    b'"service_tier":"default","system_fingerprint":"fp_1",'
    b'"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15,'
    b'"cost":0.0004970133333333333,"is_byok":false}}\n'
)


def _answer(**members: Any) -> Answer:
    return parse_answer(exact.dumps(members).encode())


def test_a_recorded_answer_is_read_whole() -> None:
    answer = parse_answer(RECORDED)
    assert answer.generation_id == "gen-1764000000-AbCdEfGhIjKlMnOpQrSt"
    assert (answer.model, answer.provider) == ("google/gemini-2.5-flash", "Google AI Studio")
    assert (answer.text, answer.reasoning, answer.refusal) == ("the usage", "hm", None)
    assert (answer.finish_reason, answer.native_finish_reason) == ("stop", "STOP")
    assert (answer.service_tier, answer.system_fingerprint) == ("default", "fp_1")
    assert answer.usage is not None
    assert answer.usage.cost_pico == 497_013_333
    assert answer.usage_text == (
        '{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15,'
        '"cost":0.0004970133333333333,"is_byok":false}'
    )
    assert (answer.unknown, answer.error, answer.has_choices) == (None, None, True)
    assert answer.tool_calls == []
    assert answer.raw["choices"][0]["index"] == 0


def test_the_repr_shows_no_content() -> None:
    answer = _answer(
        id="gen-1",
        choices=[{"message": {"content": "secret", "reasoning": "secret", "refusal": "secret"}}],
        usage={"note": "secret"},
    )
    assert "gen-1" in repr(answer)
    assert "secret" not in repr(answer)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "image_url"}, {"text": "b"}, "c", 1], "ab"),
        ([], ""),
        ({"text": "no"}, ""),
        (5, ""),
    ],
)
def test_the_text_is_the_content_or_the_text_of_its_parts(content: Any, text: str) -> None:
    assert _answer(choices=[{"message": {"content": content}}]).text == text


def test_a_legacy_choice_has_its_text_beside_the_index() -> None:
    assert _answer(choices=[{"text": "old"}]).text == "old"


def test_content_null_with_reasoning_and_length_is_an_answer() -> None:
    message = {"content": None, "reasoning": "long thought"}
    answer = _answer(choices=[{"finish_reason": "length", "message": message}])
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("", "long thought", "length")
    assert answer.has_choices
    assert answer.error is None


def test_tool_calls_are_kept_as_sent() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = _answer(choices=[{"message": {"content": None, "tool_calls": [call, "odd"]}}])
    assert answer.tool_calls == [call]


@pytest.mark.parametrize("members", [{"choices": []}, {}, {"choices": None}, {"choices": {"0": 1}}])
def test_an_answer_without_choices_says_so(members: dict[str, Any]) -> None:
    answer = _answer(**members)
    assert not answer.has_choices
    assert answer.text == ""


@pytest.mark.parametrize("choice", [None, "text", 5, [], {"message": "text"}, {"message": []}])
def test_a_malformed_first_choice_is_an_empty_answer(choice: Any) -> None:
    answer = _answer(choices=[choice], id="gen-1")
    assert (answer.text, answer.generation_id) == ("", "gen-1")


def test_texts_for_the_books_are_storable_bounded_and_texts() -> None:
    answer = _answer(id="gen\0\ud800" + "x" * 999, model=5, provider=["p"], service_tier={})
    assert answer.generation_id == "gen\ufffd\ufffd" + "x" * 251
    assert (answer.model, answer.provider, answer.service_tier) == (None, None, None)


def test_the_text_itself_is_left_as_it_was_sent() -> None:
    body = rb'{"choices": [{"message": {"content": "a\ud83d\u0000"}}]}'
    assert parse_answer(body).text == "a\ud83d\0"


def test_an_answer_without_usage_has_none_and_one_of_the_wrong_type_has_flags() -> None:
    assert _answer(id="gen-1").usage is None
    assert _answer(usage=None).usage_text is None
    odd = _answer(usage=[1])
    assert odd.usage is not None
    assert odd.usage.flags == ("usage:array",)
    assert odd.usage_text == "[1]"


def test_of_duplicate_usages_value_and_text_are_the_last() -> None:
    answer = parse_answer(b'{"usage": {"cost": 1}, "id": "gen-1", "usage": {"cost": 2.0}}')
    assert answer.usage is not None
    assert (answer.usage.cost_pico, answer.usage_text) == (2 * 10**12, '{"cost": 2.0}')


def test_unknown_fields_are_named_with_their_types_and_nothing_else() -> None:
    answer = _answer(id="gen-1", foo={"a": 1}, bar=2, **{"b z": "secret", "n": None})
    assert answer.unknown == "foo:object, bar:number, b?z:string, n:null"
    many = _answer(**{f"field{number}": [] for number in range(500)})
    assert many.unknown is not None
    assert len(many.unknown) == 1000


def test_an_error_beside_no_choices_is_found_at_the_top() -> None:
    answer = _answer(error={"code": 502, "message": "Upstream failed"}, user_id="user_1")
    assert answer.error is not None
    assert (answer.error.code, answer.error.message) == ("502", "Upstream failed")
    assert answer.unknown is None


def test_an_error_in_the_first_choice_is_found_beside_the_partial_text() -> None:
    choice = {
        "message": {"content": "half an"},
        "finish_reason": "error",
        "error": {"code": "server_error", "message": "gone"},
    }
    answer = _answer(choices=[choice], usage={"cost": 0})
    assert answer.error is not None
    assert (answer.error.code, answer.error.message) == ("server_error", "gone")
    assert answer.text == "half an"


@pytest.mark.parametrize("error", [None, {}, "", False])
def test_an_empty_error_is_none(error: Any) -> None:
    assert _answer(error=error, choices=[{"error": error}]).error is None


@pytest.mark.parametrize(
    "body", [b"", b"   ", b"<html></html>", b"[]", b"null", b"5", b'"text"', b"[" * 100_000]
)
def test_what_is_no_json_object_is_not_json(body: bytes) -> None:
    with pytest.raises(exact.NotJson):
        parse_answer(body)


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "message",
                    "content",
                    "text",
                    "tool_calls",
                    "error",
                    "code",
                    "metadata",
                    "availability",
                    "headers",
                    "retry_after",
                    "cost",
                    "cost_details",
                    "usage",
                    "reasoning",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)
TOP = st.sampled_from(["id", "model", "provider", "choices", "usage", "error", "service_tier", "x"])


def _body(members: dict[str, Any]) -> bytes | None:
    try:
        return exact.dumps(members).encode()
    except ValueError:
        return None


@RELAXED
@given(st.dictionaries(TOP, ODD | st.lists(ODD, max_size=2)))
@example({"choices": [{"message": {"content": [{"text": 1}]}, "error": {"metadata": {"a": []}}}]})
def test_no_json_object_makes_the_reader_raise(members: dict[str, Any]) -> None:
    body = _body(members)
    if body is None:
        return
    answer = parse_answer(body)
    assert answer.raw == exact.loads(body)
    assert isinstance(answer.text, str)


@RELAXED
@given(st.binary(max_size=40) | st.text('{}[]":,0 \\u', max_size=30).map(str.encode))
def test_no_bytes_make_the_reader_raise_anything_but_not_json(body: bytes) -> None:
    try:
        assert isinstance(parse_answer(body), Answer)
    except exact.NotJson:
        assert b"{" not in body or not isinstance(_loads(body), dict)


def _loads(body: bytes) -> Any:
    try:
        return exact.loads(body)
    except exact.NotJson:
        return None


def test_reading_an_answer_loads_nothing_heavy() -> None:
    code = (
        "import sys, ledger.openrouter.answers, ledger.openrouter.records, "
        "ledger.openrouter.keys, ledger.openrouter.endpoints; print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert not loaded & {"httpx", "pydantic", "sqlmodel", "sqlalchemy", "asyncio", "email", "ssl"}
