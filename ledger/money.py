"""Exact money: integers of 1e-12 USD, rounded once, half-even, at the border.

The raw text of what the provider said is kept beside every amount, so rounding loses nothing
that cannot be looked up. No float enters or leaves.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from ledger.errors import RequestInvalid

PICO_PER_USD = 10**12
MAX_PICO = 2**63 - 1

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PICO = Decimal(PICO_PER_USD)
_ONE = Decimal(1)
# An amount of this many digits before the point is no price of anything: 9.2 million USD is
# the most that a 64-bit integer holds, and int(Decimal("1E+99999999")) does not come back.
_MAX_EXPONENT = 6


class NotMoney(ValueError):
    """A value that cannot be booked as an amount; `flag` says why in one word."""

    def __init__(self, flag: str) -> None:
        super().__init__(flag)
        self.flag = flag


def to_pico(value: object) -> int:
    """Round a USD amount, as parsed from exact JSON, to integer picodollars, half-even.

    Args:
        value: a `Decimal` or `int` number of USD. Anything else is no amount.

    Raises:
        NotMoney: with flag `missing` (None), `type` (bool, float, text, list, object),
            `nan`, `negative`, or `range` (more than 64 bits hold).
    """
    if value is None:
        raise NotMoney("missing")
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise NotMoney("type")
    amount = Decimal(value)
    if amount.is_nan():
        raise NotMoney("nan")
    if amount.is_infinite() or (amount and amount.adjusted() > _MAX_EXPONENT):
        raise NotMoney("range")
    if amount < 0:
        raise NotMoney("negative")
    pico = int(_CONTEXT.quantize(_CONTEXT.multiply(_limited(amount), _PICO), _ONE))
    if pico > MAX_PICO:
        raise NotMoney("range")
    return pico


def given(value: object, what: str) -> int:
    """Integer picodollars of a USD amount that a person or a program gave.

    Args:
        value: a `Decimal`, an `int`, or text such as `"0.05"`; a float is none, for it isn't exact.
        what: what it is called, for the error.

    Raises:
        RequestInvalid: it is no exact amount of 0 or more.
    """
    try:
        return to_pico(Decimal(value.strip()) if isinstance(value, str) else value)
    except (NotMoney, InvalidOperation):
        shown = f"{value[:40]!r}" if isinstance(value, str) else type(value).__name__
        raise RequestInvalid(
            f"{what} must be an exact amount of USD, 0 or more, not {shown}.",
            hint='Give a Decimal, an integer or text: "0.05".',
        ) from None


def _limited(amount: Decimal) -> Decimal:
    """Cut absurd precision so that the product is exact in the context, without double rounding.

    Digits beyond the 40th decimal can only break a tie; one sticky digit keeps that.
    """
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -40:  # noqa: PLR2004 - said above
        return amount
    digits = amount.as_tuple().digits
    keep = max(len(digits) + exponent + 40, 0)
    sticky = 1 if any(digits[keep:]) else 0
    return Decimal((0, (*digits[:keep], sticky), -41))


def to_usd(pico: int) -> Decimal:
    """The exact USD amount of integer picodollars."""
    return Decimal(pico).scaleb(-12, _CONTEXT)


def usd_text(pico: int) -> str:
    """Exact, plain, positional USD: `0.0000001`, never `1E-7`; at least one decimal."""
    sign = "-" if pico < 0 else ""
    whole, part = divmod(abs(pico), PICO_PER_USD)
    decimals = f"{part:012d}".rstrip("0") or "0"
    return f"{sign}{whole}.{decimals}"
