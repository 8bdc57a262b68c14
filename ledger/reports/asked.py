"""Statements that people ask the books, and what they should know of the figures."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ledger.books.books import Books
from ledger.books.readonly.jobs import FAILED, REFUSED, Fault, Limits
from ledger.books.readonly.runner import Answer, run
from ledger.errors import StatementFailed, StatementRefused, StatementStopped

_USD_ADDED = re.compile(r"\b(?:sum|total|avg|min|max)\s*\(([^()]|\([^()]*\))*_usd\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_AMOUNT = re.compile(r"_(?:pico|usd)\b", re.IGNORECASE)
_SUM_OF_USD = (
    "A function over a _usd column works on text, not on amounts: write usd(sum(cost_pico))"
    " for sum(cost_usd)."
)
_INEXACT = (
    "The column {name} holds floating-point numbers, which are not exact: divide no amount, and"
    " write usd(sum(cost_pico)) for sum(cost_pico) / 1e12."
)


def ask(
    books: Books,
    statement: str,
    values: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Answer:
    """The answer to one SELECT over the public views, with warnings where there is cause.

    Args:
        books: what is read.
        statement: one SELECT.
        values: of its parameters, where the statement is one of ours.
        limits: how much it may take.

    Raises:
        StatementRefused: it does more than read, or reads what may not be read.
        StatementStopped: it took too long, or too much.
        StatementFailed: the database can't run it.
        LedgerUnavailable: there are no books yet, or they can't be read.
    """
    try:
        found = run(books, statement, values, limits)
    except Fault as fault:
        raise _error(fault, statement) from None
    return replace(found, warnings=tuple(_warnings(statement, found)))


def _warnings(statement: str, found: Answer) -> list[str]:
    plain = _COMMENT.sub(" ", statement)
    said = [_SUM_OF_USD] if _USD_ADDED.search(plain) else []
    if found.is_cut:
        said.append(f"There are more rows than the {len(found.rows)} that are shown.")
    if _AMOUNT.search(plain):
        said += [
            _INEXACT.format(name=name)
            for place, name in enumerate(found.columns)
            if any(_has_a_point(row[place]) for row in found.rows)
        ]
    return said


def _has_a_point(value: object) -> bool:
    return isinstance(value, Decimal)


def _error(fault: Fault, statement: str) -> StatementFailed:
    if fault.kind == REFUSED:
        return StatementRefused(
            f"The statement is refused: {fault.said}.",
            hint="One SELECT over the views and tables of the ledger is what can be asked.",
        )
    if fault.kind == FAILED:
        hint = _SUM_OF_USD if _USD_ADDED.search(statement) else "The README lists the views."
        return StatementFailed(f"The statement cannot be run: {fault.said}.", hint=hint)
    return StatementStopped(
        f"The statement was stopped: {fault.said}.",
        hint="Ask for less, or give it more time with --timeout.",
    )
