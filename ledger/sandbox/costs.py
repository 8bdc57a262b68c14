"""What an unscripted call costs here: a rule anyone can work out by hand.

Tokens are a quarter of the UTF-8 bytes of the text, at least 1 on each side. One prompt token
costs 0.000000106 USD, one completion token 0.000000212 USD; a `:free` model costs 0.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from ledger import money

PROMPT_USD = Decimal("0.000000106")
COMPLETION_USD = Decimal("0.000000212")
BYTES_PER_TOKEN = 4
ZERO = Decimal(0)
# The field's other clients write doubles as JavaScript does: exponents below this.
_SMALLEST_PLAIN = Decimal("0.000001")


def tokens_of(text: str) -> int:
    """Tokens of a text under the rule above; never 0."""
    return max(1, len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def text_of(messages: Any) -> str:
    """All text of a list of messages, string contents and text parts alike, joined without gap."""
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list):
        return ""
    return "".join(_message_text(message) for message in messages)


def _message_text(message: Any) -> str:
    """The text of one message, or a text that stands alone."""
    if isinstance(message, str):
        return message
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def price(model: str, prompt_tokens: int, completion_tokens: int) -> Decimal:
    """The deterministic cost of a call, exact USD."""
    if model.endswith(":free"):
        return ZERO
    return prompt_tokens * PROMPT_USD + completion_tokens * COMPLETION_USD


def literal_of(amount: Decimal) -> str:
    """An amount as the provider would write it: `0.0012`, but `1.06e-7`."""
    if not amount:
        return "0"
    if abs(amount) >= _SMALLEST_PLAIN:
        plain = f"{amount:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    sign, digits, _ = amount.as_tuple()
    figures = "".join(str(digit) for digit in digits).lstrip("0").rstrip("0")
    mantissa = figures[0] + (f".{figures[1:]}" if len(figures) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{amount.adjusted()}"


def amount_of(literal: str) -> Decimal | None:
    """The amount that a literal states, or None where it states none: `NaN`, `"0.5"`, `-1`."""
    try:
        amount = Decimal(literal)
        money.to_pico(amount)
    except (InvalidOperation, money.NotMoney):
        return None
    return amount


def literal_from(value: str | int | Decimal | None) -> str | None:
    """What a script says about a cost, as a literal; text goes through untouched.

    Raises:
        TypeError: a float or anything else that is no exact amount.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"a cost is a str, int or Decimal, not {type(value).__name__}")
    return literal_of(Decimal(value))
