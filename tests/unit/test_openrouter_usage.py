from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import money
from ledger.openrouter import exact
from ledger.openrouter.usage import Usage, parse_usage

# The first draw of a fresh checkout builds a table of all characters, which takes a second.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

RECORDED = """{"prompt_tokens": 120, "completion_tokens": 10, "total_tokens": 130,
 "cost": 0.0004970133333333333, "is_byok": false,
 "prompt_tokens_details": {"cached_tokens": 2161, "cache_write_tokens": 2162},
 "completion_tokens_details": {"reasoning_tokens": 11, "image_tokens": 0},
 "cost_details": {"upstream_inference_cost": 4.1400000000000003e-05}}"""


def test_a_recorded_usage_is_read_whole_though_its_sums_do_not_add_up() -> None:
    assert parse_usage(exact.loads(RECORDED)) == Usage(
        prompt_tokens=120,
        completion_tokens=10,
        total_tokens=130,
        reasoning_tokens=11,
        cached_tokens=2161,
        cache_write_tokens=2162,
        cost_pico=497_013_333,
        upstream_pico=41_400_000,
        is_byok=False,
        flags=(),
    )


@pytest.mark.parametrize(
    ("literal", "pico", "flags"),
    [
        ("0", 0, ()),
        ("1e-7", 100_000, ()),
        ("0.0000000000005", 0, ()),
        ("0.0000000000015", 2, ()),
        ("null", None, ("cost:missing",)),
        ("NaN", None, ("cost:nan",)),
        ("Infinity", None, ("cost:range",)),
        ("1e400", None, ("cost:range",)),
        ("9" * 400, None, ("cost:range",)),
        ("-0.01", None, ("cost:negative",)),
        ('"0.01"', None, ("cost:type",)),
        ("true", None, ("cost:type",)),
        ("{}", None, ("cost:type",)),
    ],
)
def test_an_absurd_cost_is_none_with_a_flag_and_never_zero(
    literal: str, pico: int | None, flags: tuple[str, ...]
) -> None:
    usage = parse_usage(exact.loads('{"cost": ' + literal + "}"))
    assert (usage.cost_pico, usage.flags) == (pico, flags)


@pytest.mark.parametrize(
    ("literal", "count", "flags"),
    [
        ("0", 0, ()),
        (str(2**53), 2**53, ()),
        ("12.0", 12, ()),
        ("1e3", 1000, ()),
        ("null", None, ()),
        ("true", None, ("prompt_tokens:type",)),
        ('"12"', None, ("prompt_tokens:type",)),
        ("[]", None, ("prompt_tokens:type",)),
        ("-1", None, ("prompt_tokens:negative",)),
        ("1.5", None, ("prompt_tokens:fraction",)),
        ("1e-99999999", None, ("prompt_tokens:fraction",)),
        (str(2**53 + 1), None, ("prompt_tokens:range",)),
        ("9" * 400, None, ("prompt_tokens:range",)),
        ("1E+99999999", None, ("prompt_tokens:range",)),
        ("NaN", None, ("prompt_tokens:nan",)),
        ("-Infinity", None, ("prompt_tokens:range",)),
    ],
)
def test_a_count_that_is_none_is_none_with_a_flag(
    literal: str, count: int | None, flags: tuple[str, ...]
) -> None:
    usage = parse_usage(exact.loads('{"cost": 0, "prompt_tokens": ' + literal + "}"))
    assert (usage.prompt_tokens, usage.flags) == (count, flags)


def test_a_missing_upstream_cost_is_no_fault_and_an_absurd_one_is() -> None:
    assert parse_usage({"cost": 0, "cost_details": {}}).flags == ()
    odd = parse_usage({"cost": 0, "cost_details": {"upstream_inference_cost": Decimal("NaN")}})
    assert (odd.upstream_pico, odd.flags) == (None, ("upstream_inference_cost:nan",))


@pytest.mark.parametrize(
    ("value", "flag"), [(None, "usage:missing"), ([], "usage:array"), ("x", "usage:string")]
)
def test_a_usage_that_is_no_object_is_all_unknown(value: object, flag: str) -> None:
    assert parse_usage(value) == Usage(flags=(flag,))


def test_details_of_the_wrong_type_are_flagged_and_the_rest_is_read() -> None:
    usage = parse_usage({"cost": 1, "is_byok": "no", "prompt_tokens_details": [1]})
    assert usage.cost_pico == 10**12
    assert usage.is_byok is None
    assert usage.flags == ("prompt_tokens_details:type", "is_byok:type")


ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text()
    | st.just([])
    | st.just({})
)
NAMES = st.sampled_from(
    ["prompt_tokens", "completion_tokens", "total_tokens", "cost", "is_byok", "cost_details"]
)


@RELAXED
@given(st.dictionaries(NAMES, ODD))
def test_whatever_stands_there_counts_are_counts_and_amounts_are_amounts(
    value: dict[str, Any],
) -> None:
    usage = parse_usage(value)
    for count in (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens):
        assert count is None or (type(count) is int and 0 <= count <= 2**53)
    assert (usage.cost_pico is None) == any(flag.startswith("cost:") for flag in usage.flags)


@RELAXED
@given(st.integers(0, money.MAX_PICO))
def test_a_cost_survives_from_text_to_picodollars(pico: int) -> None:
    usage = parse_usage(exact.loads('{"cost": ' + money.usd_text(pico) + "}"))
    assert usage.cost_pico == pico
