import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.openrouter import exact, pricing

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)  # a Monday


def test_prices_are_exact_decimals_and_minus_one_is_unknown() -> None:
    found = pricing.parse({"prompt": "0.000000004", "completion": "-1", "request": "1e-7"})
    assert found.base == {
        "prompt": Decimal("0.000000004"),
        "completion": None,
        "request": Decimal("0.0000001"),
    }
    assert (found.highest("prompt"), found.highest("completion")) == (Decimal("4e-9"), None)
    assert found.highest("web_search") == 0


@pytest.mark.parametrize("odd", ["", "free", "-0.1", "NaN", "Infinity", True, [], {}, "1e999"])
def test_what_is_no_price_is_unknown_never_zero(odd: object) -> None:
    found = pricing.parse({"prompt": odd, "completion": "0"})
    assert found.base["prompt"] is None
    assert not found.is_free


@pytest.mark.parametrize("value", [None, [], "0.1", 3, {"overrides": "x", "discount": "y"}])
def test_what_is_no_pricing_says_nothing(value: object) -> None:
    assert pricing.parse(value) == pricing.Pricing({})


LONG = {"min_prompt_tokens": 200000, "prompt": "0.00002", "completion": "0.00004"}
NIGHT = {"utc_start": 2230, "utc_end": 600, "prompt": "0.000001"}
SUNDAY = {"utc_days": ["sunday"], "completion": "0.000003"}


def test_an_override_holds_above_its_length_and_not_at_it() -> None:
    found = pricing.parse({"prompt": "0.00001", "completion": "0.00003", "overrides": [LONG]})
    assert found.at(NOON, 200_000)["prompt"] == Decimal("0.00001")
    assert found.at(NOON, 200_001)["prompt"] == Decimal("0.00002")
    assert found.highest("completion") == Decimal("0.00004")


@pytest.mark.parametrize(
    ("hour", "minute", "cheap"),
    [(22, 29, False), (22, 30, True), (0, 0, True), (5, 59, True), (6, 0, False), (12, 0, False)],
)
def test_a_window_may_wrap_past_midnight(hour: int, minute: int, *, cheap: bool) -> None:
    found = pricing.parse({"prompt": "0.00001", "overrides": [NIGHT]})
    moment = NOON.replace(hour=hour, minute=minute)
    assert (found.at(moment)["prompt"] == Decimal("0.000001")) == cheap


def test_later_overrides_win_and_absent_kinds_inherit() -> None:
    both = [LONG, {"min_prompt_tokens": 300_000, "prompt": "0.00005"}]
    found = pricing.parse({"prompt": "0.00001", "completion": "0.00003", "overrides": both})
    assert found.at(NOON, 400_000) == {
        "prompt": Decimal("0.00005"),
        "completion": Decimal("0.00004"),
    }


def test_days_of_the_week_are_told_by_any_spelling() -> None:
    found = pricing.parse({"completion": "0.000002", "overrides": [SUNDAY]})
    assert found.at(NOON)["completion"] == Decimal("0.000002")
    assert found.at(NOON - dt.timedelta(days=1))["completion"] == Decimal("0.000003")


@pytest.mark.parametrize(
    "strange",
    [
        {"utc_weeks": [1]},
        {"utc_days": ["someday"]},
        {"utc_start": "noon"},
        {"min_prompt_tokens": -1},
    ],
)
def test_a_condition_that_nobody_knows_may_hold_so_it_counts_for_the_highest(
    strange: dict[str, object],
) -> None:
    found = pricing.parse({"prompt": "0.1", "overrides": [strange | {"prompt": "0.9"}]})
    assert found.at(NOON)["prompt"] == Decimal("0.1")
    assert found.highest("prompt") == Decimal("0.9")


def test_a_discount_is_taken_off_but_never_counted_on() -> None:
    found = pricing.parse({"prompt": "0.1", "discount": exact.loads("0.25")})
    assert found.at(NOON)["prompt"] == Decimal("0.075")
    assert found.highest("prompt") == Decimal("0.1")


def test_free_is_free_under_every_condition() -> None:
    zero = {"prompt": "0", "completion": "0"}
    assert pricing.parse(zero).is_free
    assert not pricing.parse(zero | {"request": "0.01"}).is_free
    assert not pricing.parse(zero | {"overrides": [LONG]}).is_free
    assert not pricing.parse({}).is_free


@given(st.dictionaries(st.sampled_from(pricing.KINDS), st.decimals(0, 1, places=9)))
def test_two_listings_that_say_the_same_have_one_text(prices: dict[str, Decimal]) -> None:
    listed = {kind: f"{price:f}" for kind, price in prices.items()}
    turned = dict(reversed(list(listed.items())))
    assert pricing.text_of(listed) == pricing.text_of(turned)
    assert pricing.parse(exact.loads(pricing.text_of(listed))) == pricing.parse(listed)
