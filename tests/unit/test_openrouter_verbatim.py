import json
import re
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.openrouter import exact
from ledger.openrouter.verbatim import MAX_USAGE_CHARS, safe_name

# The first draw of a fresh checkout builds a table of all characters, which takes a second.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SPACES = st.text(" \t\r\n", max_size=2)
NUMBERS = st.sampled_from(
    [
        "0",
        "-1",
        "1e-7",
        "0.0004970133333333333",
        "4.1400000000000003e-05",
        "1E+99999999999999999999",
    ]
)
KEYS = st.sampled_from(
    ['"usage"', r'"\u0075sage"', '"id"', '"cost"', r'"\"usage\""', r'"a\\"', '"{"', '""']
)
STRINGS = KEYS | st.text(max_size=8).map(json.dumps) | st.just(r'"\"usage\": {\"cost\": 1}}"')
SCALARS = NUMBERS | STRINGS | st.sampled_from(["null", "true", "false", "{}", "[]"])


@st.composite
def _object_texts(draw: st.DrawFn, values: st.SearchStrategy[str]) -> tuple[str, str | None]:
    """An object's text, and the slice of it that is the value of its last `usage`."""
    text, usage = "{" + draw(SPACES), None
    for place in range(draw(st.integers(0, 4))):
        key, value = draw(KEYS), draw(values)
        text += ("," + draw(SPACES) if place else "") + key
        text += draw(SPACES) + ":" + draw(SPACES) + value + draw(SPACES)
        usage = value if json.loads(key) == "usage" else usage
    return text + "}", usage


def _nested(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(values, max_size=3).map(lambda items: "[" + " , ".join(items) + "]")
    return lists | _object_texts(values).map(lambda made: made[0])


DOCUMENTS = _object_texts(st.recursive(SCALARS, _nested, max_leaves=8))


@RELAXED
@given(DOCUMENTS, SPACES, SPACES)
def test_the_usage_text_is_the_slice_that_was_put_there(
    document: tuple[str, str | None], before: str, after: str
) -> None:
    text, usage = document
    assert exact.usage_text(before + text + after) == usage


@RELAXED
@given(st.text() | st.text('{}[]":,\\usage 0', max_size=30))
@example('"usage":')
@example('"usage":1}')
@example('{"usage":')
@example("[" * 100_000)
@example('{"usage":' * 100_000)
def test_no_text_makes_the_scan_raise(text: str) -> None:
    exact.usage_text(text)


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        ('{"id": "x", "usage": {"cost": 1e-7}}', '{"cost": 1e-7}'),
        ('{"usage": {"cost": 1.10 }, "id": "x"}', '{"cost": 1.10 }'),
        ('{"usage": 1, "usage" : {"cost":2} }', '{"cost":2}'),
        ('{"usage": 1, "\\u0075sage": 2}', "2"),
        ('{"content": "\\"usage\\": {\\"cost\\": 9}}"}', None),
        ('{"x": {"usage": {"cost": 9}}}', None),
        ('{"usage": 1, "x": {"usage": 2, "y": {"usage": 3}}}', "1"),
        ('{"usage": 1, "x": [' + ",".join(['{"usage": 2}'] * 9) + "]}", "1"),
        ('[{"usage": 1}]', None),
        ("{}", None),
        ('{"x": "usage"}', None),
        ('{"x": "\\u00e9"}', None),
        ('{"usage": null}', "null"),
        ('{"\\u0075sage": 5, "x": {"usage": 2}}', "5"),
    ],
)
def test_only_the_top_level_usage_counts_and_the_last_wins(body: str, usage: str | None) -> None:
    assert exact.usage_text(body) == usage


def test_a_hundred_thousand_false_usages_cost_no_quadratic_time() -> None:
    body = '{"x": [' + ",".join(['{"usage": 2}'] * 100_000) + "]}"
    start = time.perf_counter()
    assert exact.usage_text(body) is None
    assert time.perf_counter() - start < 5


def _stored(text: str) -> tuple[str, str | None]:
    return exact.storable_usage(text, exact.loads(text))


def test_a_plain_usage_is_kept_whole_with_its_spaces() -> None:
    text = '{ "cost": 0.0004970133333333333,\n "tier": "eu/x:1.0_-", "d": {"n": [1, null]} }'
    assert _stored(text) == (text, None)


@pytest.mark.parametrize(
    ("text", "kept", "cut"),
    [
        ('{"cost": 1e-7, "note": "two words"}', '{"cost": 1e-7}', "note"),
        ('{"a b": 1, "cost": 1e-7}', '{"cost": 1e-7}', "a?b"),
        ('{"cost":1,"d":{"x" : 1.10,"y":"é"}}', '{"cost":1,"d":{"x" : 1.10}}', "d.y"),
        ('{"cost":1,"l":[1,"no way"]}', '{"cost":1}', "l"),
        ('{"cost":1,"l":[{"no way":1}]}', '{"cost":1}', "l"),
        ('{"cost":1,"long":"' + "a" * 65 + '"}', '{"cost":1}', "long"),
        (r'{"\u0063ost":1.50,"x":"y z"}', r'{"\u0063ost":1.50}', "x"),
        ('{"cost":1E+2,"x":"y z"}', '{"cost":1E+2}', "x"),
        ('{"secret":"a,b"}', "{}", "secret"),
        ('"some words"', "null", "usage"),
        ('["some words"]', "null", "usage"),
    ],
)
def test_what_could_be_content_is_cut_and_named(text: str, kept: str, cut: str) -> None:
    assert _stored(text) == (kept, cut)


def test_of_a_usage_that_is_too_long_the_longest_members_go() -> None:
    fat = "[" + ",".join(["123456789"] * 1700) + "]"
    text = '{"cost":0.10,"fat":' + fat + ',"total_tokens":5}'
    assert len(text) > MAX_USAGE_CHARS
    assert _stored(text) == ('{"cost":0.10,"total_tokens":5}', "fat")


@RELAXED
@given(DOCUMENTS)
def test_what_is_stored_is_json_short_safe_and_part_of_what_was_sent(
    document: tuple[str, str | None],
) -> None:
    text = document[0]
    kept, cut = _stored(text)
    assert (cut is None) == (kept == text)
    assert len(kept) <= MAX_USAGE_CHARS
    assert isinstance(exact.loads(kept), dict)
    waiting: list[Any] = [exact.loads(kept)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            assert re.fullmatch(r"[A-Za-z0-9_./:-]{0,64}", item)
        elif isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
    for literal in re.findall(r"-?\d[\d.eE+-]*", re.sub(r'"(?:[^"\\]|\\.)*"', "", kept)):
        assert literal in text


def test_a_safe_name_has_only_what_identifiers_have() -> None:
    assert safe_name("a b\n<é>" + "x" * 99) == "a?b????" + "x" * 57
