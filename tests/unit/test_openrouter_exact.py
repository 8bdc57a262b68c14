import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import money
from ledger.openrouter import exact

# The first draw of a fresh checkout builds a table of all characters, which takes a second.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# What JSON can hold, without floats: these survive a round trip unchanged.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=19)
    | st.text()
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _flag(literal: str) -> str:
    with pytest.raises(money.NotMoney) as caught:
        money.to_pico(exact.loads(literal))
    return caught.value.flag


@pytest.mark.parametrize(
    ("literal", "pico"),
    [
        ("1e-7", 100_000),
        ("0.0004970133333333333", 497_013_333),
        ("0.0076509169000000005", 7_650_916_900),
        ("4.1400000000000003e-05", 41_400_000),
        ("0", 0),
        ("1", 10**12),
        ("1E-99999999999999999999", None),
    ],
)
def test_a_number_reaches_picodollars_exactly(literal: str, pico: int | None) -> None:
    if pico is None:
        assert _flag(literal) == "range"
    else:
        assert money.to_pico(exact.loads(literal)) == pico


@pytest.mark.parametrize(
    ("literal", "flag"),
    [
        ("NaN", "nan"),
        ("Infinity", "range"),
        ("-Infinity", "range"),
        ("-0.1", "negative"),
        ('"0.1"', "type"),
        ("true", "type"),
        ("null", "missing"),
        ("1e400", "range"),
        ("1E+99999999", "range"),
        ("1E+99999999999999999999", "range"),
        ("9" * 400, "range"),
        ("9" * 401, "range"),
        ("9" * 100_000, "range"),
    ],
)
def test_an_odd_number_parses_and_is_no_money(literal: str, flag: str) -> None:
    assert _flag(literal) == flag


def test_no_float_ever_comes_out() -> None:
    assert [type(each) for each in exact.loads("[1.5, 1e3, 2, NaN, -Infinity]")] == [
        Decimal,
        Decimal,
        int,
        Decimal,
        Decimal,
    ]


def test_one_impossible_exponent_leaves_the_other_numbers_exact() -> None:
    assert exact.loads("[1E+99999999999999999999, 0.10]") == [
        Decimal("Infinity"),
        Decimal("0.10"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"a": 1}',
        b'\n\n   \r\n\t{"a": 1}',
        b'\xef\xbb\xbf \n{"a": 1}',
        b'  \xef\xbb\xbf{"a": 1}\n\n',
        '\ufeff{"a": 1}',
    ],
)
def test_a_mark_and_keep_alive_whitespace_are_skipped(body: bytes | str) -> None:
    assert exact.loads(body) == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   \n ",
        b"<html>top secret</html>",
        b'{"top secret": 1',
        b'{"a": 1} top secret',
        b"top secret",
        b'"\xff top secret"',
        b"\x00",
        b'{"top secret": 1E+99999999999999999999',
    ],
)
def test_what_is_no_json_is_refused_without_showing_it(body: bytes) -> None:
    with pytest.raises(exact.NotJson) as caught:
        exact.loads(body)
    shown: BaseException | None = caught.value
    while shown is not None:
        assert "secret" not in f"{shown!r} {vars(shown)}"
        shown = shown.__context__


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_hundred_thousand_levels_are_refused(opening: str) -> None:
    with pytest.raises(exact.NotJson):
        exact.loads(opening * 100_000)


def test_lone_surrogates_nul_and_raw_control_characters_parse() -> None:
    assert exact.loads(r'["\ud83d", "\u0000", "\ud83d\ude00"]') == ["\ud83d", "\0", "\U0001f600"]
    assert exact.loads(b'["a\nb"]') == ["a\nb"]


def test_of_duplicate_keys_the_last_wins() -> None:
    assert exact.loads('{"a": 1, "a": 2}') == {"a": 2}


def test_clean_replaces_only_what_no_engine_stores() -> None:
    assert exact.clean("a\ud800b\udfffc\0d") == "a\ufffdb\ufffdc\ufffdd"
    assert exact.clean("plain") == "plain"
    assert exact.clean("\U0001f600 é \n") == "\U0001f600 é \n"


@RELAXED
@given(st.text(st.characters()))
def test_cleaned_text_is_utf8(text: str) -> None:
    assert "\0" not in exact.clean(text).encode().decode()


def test_amounts_are_written_as_plain_numbers() -> None:
    amounts = [Decimal("1E-7"), Decimal("1E+3"), Decimal("-0.10"), Decimal("0E-12")]
    assert exact.dumps(amounts) == "[0.0000001, 1000, -0.10, 0.000000000000]"


@pytest.mark.parametrize("value", [1.5, [{"a": 1.0}], {1: 2}, object(), {"a": {1, 2}}, b"bytes"])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        exact.dumps(value)


@pytest.mark.parametrize(
    "value",
    [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+1001"), Decimal("1E-99999999")],
)
def test_a_number_that_has_no_plain_form_is_refused(value: Decimal) -> None:
    with pytest.raises(ValueError, match="number"):
        exact.dumps(value)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 2):
        value = [value]
    with pytest.raises(ValueError, match="deeply"):
        exact.dumps(value)


@RELAXED
@given(VALUES)
def test_what_is_written_reads_back_the_same_and_is_ascii(value: Any) -> None:
    for indent in (None, 2):
        text = exact.dumps(value, indent=indent)
        assert text.isascii()
        back = exact.loads(text)
        assert back == value
        assert exact.dumps(back, indent=indent) == text


@RELAXED
@given(VALUES.map(lambda value: json.loads(exact.dumps(value), parse_float=str)))
def test_the_layout_is_that_of_the_standard_library(value: Any) -> None:
    for indent in (None, 0, 2):
        assert exact.dumps(value, indent=indent) == json.dumps(value, indent=indent)


@RELAXED
@given(st.integers(0, money.MAX_PICO))
def test_money_makes_the_round_trip(pico: int) -> None:
    text = exact.dumps({"cost": money.to_usd(pico)})
    assert "E" not in text
    assert money.to_pico(exact.loads(text)["cost"]) == pico
