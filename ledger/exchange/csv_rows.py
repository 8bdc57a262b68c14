"""A view's rows as CSV (RFC 4180, UTF-8), streamed, for spreadsheets that must not run them.

A spreadsheet takes a cell that begins with one of a few characters for a formula, wherever its
text came from. Such text gets an apostrophe before it (OWASP ASVS 5.0, 1.2.10). Numbers are the
books' own, so they stay numbers, also negative ones.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

_ROWS_A_PIECE = 500
_USD = "_usd"
_AMOUNT = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
# The wide forms are read as the plain ones where the keyboard has them.
_FORMULA = frozenset(("=", "+", "-", "@", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
_BREAKS = frozenset(("\t", "\r", "\n", "\v", "\f"))


def pieces(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The header and then the rows, some at a time.

    Args:
        columns: their names; those in `_usd` hold exact decimal text, which is a number.
        rows: their values, in that order.

    Raises:
        TypeError: a value is of a kind that has no exact text, such as a float.
    """
    amounts = [name.endswith(_USD) for name in columns]
    yield _encoded([columns])
    waiting = iter(rows)
    while piece := list(islice(waiting, _ROWS_A_PIECE)):
        yield _encoded([list(map(_cell, row, amounts)) for row in piece])


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    first = text[:1]
    if first in _BREAKS or text.lstrip()[:1] in _FORMULA:
        return f"'{text}"
    return text


def _cell(value: Any, is_amount: bool) -> str | int:  # noqa: FBT001 - one of `amounts` above
    if value is None:
        return ""
    if isinstance(value, str):
        return value if is_amount and _AMOUNT.fullmatch(value) else harmless(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no exact text")


def _encoded(rows: Iterable[Sequence[str | int]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
