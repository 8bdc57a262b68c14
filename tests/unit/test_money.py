import decimal
import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import money

RELAXED = settings(deadline=None)
AMOUNTS = st.decimals(0, Decimal("9223372.036854775807"), allow_nan=False, allow_infinity=False)
# Far more digits than any context holds by itself, so that ties are decided by the last one.
LONG = st.builds(
    lambda whole, digits: Decimal(f"{whole}.{digits}"),
    st.integers(0, 9_000_000),
    st.text("0123456789", min_size=1, max_size=120),
)


def exactly(amount: Decimal) -> int:
    """The standard library's own half-even rounding, with room for every digit."""
    context = decimal.Context(prec=400, rounding=ROUND_HALF_EVEN)
    return int(context.quantize(context.scaleb(amount, 12), Decimal(1)))


@RELAXED
@given(AMOUNTS | LONG)
@example(Decimal("0.0000000000005"))
@example(Decimal("0.0000000000015"))
@example(Decimal("0.00000000000050000000000000000000000000000000000000000000000000001"))
@example(Decimal("0.00000000000049999999999999999999999999999999999999999999999999999"))
@example(Decimal("0.0000000000025" + "0" * 90))
@example(Decimal("1E-999999"))
@example(Decimal("-0"))
@example(Decimal("0E+99999"))
def test_amounts_are_rounded_half_even_once(amount: Decimal) -> None:
    if exactly(amount) <= money.MAX_PICO:
        assert money.to_pico(amount) == exactly(amount)


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (None, "missing"),
        (True, "type"),
        (False, "type"),
        (0.1, "type"),
        ("0.1", "type"),
        ([], "type"),
        ({"total": 1}, "type"),
        (b"1", "type"),
        (Decimal("NaN"), "nan"),
        (Decimal("sNaN"), "nan"),
        (Decimal("-1E-30"), "negative"),
        (-1, "negative"),
        (Decimal("Infinity"), "range"),
        (Decimal("-Infinity"), "range"),
        (Decimal("1E+99999999"), "range"),
        (Decimal("-1E+99999999"), "range"),
        (10**4000, "range"),
        (10**7, "range"),
        (Decimal("9223372.036854775808"), "range"),
    ],
)
def test_what_is_no_amount_says_why_in_one_word(value: Any, flag: str) -> None:
    with pytest.raises(money.NotMoney) as caught:
        money.to_pico(value)
    assert caught.value.flag == flag


def test_the_largest_amount_fits_and_the_next_does_not() -> None:
    assert money.to_pico(Decimal("9223372.036854775807")) == money.MAX_PICO
    assert money.to_pico(Decimal("9223372.0368547758074")) == money.MAX_PICO
    with pytest.raises(money.NotMoney):
        money.to_pico(Decimal("9223372.0368547758075"))


@RELAXED
@given(st.integers(-money.MAX_PICO, money.MAX_PICO))
@example(-1)
@example(2**53 + 1)
def test_readable_text_is_exact_plain_and_comes_back(pico: int) -> None:
    text = money.usd_text(pico)
    assert Decimal(text) == money.to_usd(pico) == Decimal(pico) / money.PICO_PER_USD
    assert "E" not in text.upper()
    assert json.loads(text, parse_float=Decimal) == money.to_usd(pico)
    if pico >= 0:
        assert money.to_pico(Decimal(text)) == pico


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "0.0"),
        (1, "0.000000000001"),
        (100_000, "0.0000001"),
        (-100_000, "-0.0000001"),
        (10**12, "1.0"),
        (-(10**12) - 1, "-1.000000000001"),
        (497_013_333, "0.000497013333"),
        (money.MAX_PICO, "9223372.036854775807"),
    ],
)
def test_readable_text_of_known_amounts(pico: int, text: str) -> None:
    assert money.usd_text(pico) == text


def test_the_callers_own_decimal_context_changes_nothing() -> None:
    amount = Decimal("1234567.1234567890125")
    with decimal.localcontext() as context:
        context.prec, context.rounding = 3, decimal.ROUND_UP
        context.traps[decimal.Inexact] = True
        assert money.to_pico(amount) == exactly(amount) == 1234567123456789012
        assert str(money.to_usd(1234567123456789012)) == "1234567.123456789012"


def test_ten_thousand_ten_millionths_are_a_thousandth() -> None:
    assert money.usd_text(10_000 * money.to_pico(Decimal("1e-7"))) == "0.001"
