"""Named statements: shipped as `.sql` files, each with its description and typed parameters.

A file's header says them, one a line, a default where there is one:

    -- dearest: the single requests of a month that cost most
    -- :month month: the UTC month, such as 2026-11
    -- :top integer = 20: how many
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.books import sql_files
from ledger.errors import NotFoundInLedger, QuestionInvalid

_PARAMETER = re.compile(
    r"-- :(?P<name>\w+) (?P<kind>\w+)(?: = (?P<default>\S+))?: (?P<meaning>.+)\n"
)
_USED = re.compile(r"(?<!:):([a-z_]+)\b")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a named statement is told.

    Attributes:
        kind: `month`, `day`, `text` or `integer`.
        default: what counts where nothing is given; None where something must be.
    """

    name: str
    kind: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class NamedStatement:
    """One of the statements that are shipped."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    statement: str

    def values(self, given: Mapping[str, str | int]) -> dict[str, str | int]:
        """The checked values of its parameters.

        Raises:
            QuestionInvalid: one is missing, unknown, or not of its kind.
        """
        known = {each.name: each for each in self.parameters}
        for name in given:
            if name not in known:
                raise self._invalid(f"has no parameter {name!r}")
        found: dict[str, str | int] = {}
        for name, each in known.items():
            value = given.get(name, each.default)
            if value is None:
                raise self._invalid(f"must be told the {name}: {each.meaning}")
            try:
                found[name] = _KINDS[each.kind](str(value))
            except ValueError:
                raise self._invalid(f"takes {value!r} for no {each.kind}: {each.meaning}") from None
        return found

    def for_engine(self, engine: str) -> str:
        """The statement as the engine's driver takes it."""
        if engine == "sqlite":
            return self.statement
        return _USED.sub(r"%(\1)s", self.statement.replace("%", "%%"))

    def _invalid(self, why: str) -> QuestionInvalid:
        asked = " ".join(
            f"--{each.name} {each.kind.upper()}" if each.default is None else f"[--{each.name} ...]"
            for each in self.parameters
        )
        usage = f"python -m ledger sql {self.name} {asked}".rstrip()
        return QuestionInvalid(f"The statement {self.name} {why}.", hint=f"Ask: {usage}")


def all_named(engine: str = "sqlite") -> list[NamedStatement]:
    """The statements that are shipped, by name; an engine's own variants put in."""
    found = sql_files.load("named", engine, spelled=False).values()
    return sorted((_named(file) for file in found), key=lambda each: each.name)


def named(name: str, engine: str = "sqlite") -> NamedStatement:
    """One of them.

    Raises:
        NotFoundInLedger: there is none of that name.
    """
    for each in all_named(engine):
        if each.name == name:
            return each
    raise NotFoundInLedger(
        f"There is no statement named {name!r}.", hint="See `python -m ledger sql --list`."
    )


def _named(file: sql_files.SqlFile) -> NamedStatement:
    body, parameters = file.body, []
    while (found := _PARAMETER.match(body)) is not None:
        parameters.append(Parameter(**found.groupdict()))
        body = body[found.end() :]
    return NamedStatement(file.name, file.description, tuple(parameters), body)


def _month(text: str) -> str:
    return _day(f"{text}-01")[:-3]


def _day(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(text)
    if not text.startswith("0000"):  # before all that is booked
        dt.date.fromisoformat(text)
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError(text)
    return text


_KINDS: dict[str, Callable[[str], Any]] = {
    "month": _month,
    "day": _day,
    "integer": _integer,
    "text": _text,
}
