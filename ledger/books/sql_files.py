"""The SQL files beside this module: named, described, and spelled out for an engine."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import TextClause, text

_FOLDER = Path(__file__).with_name("sql")
_HEADER = re.compile(r"-- (?P<name>\w+): (?P<description>.+)\n")

# Functions that our SQL files may use and engines spell differently. `usd` is exact decimal
# text of picodollars; `total_of` a sum that is 0 for nothing and stays a 64-bit integer;
# `quarter_of` the moment at which the quarter of an hour began that a moment is in, and
# `quarter_end_of` the last moment of the quarter that began so. No colon stands before a word: it
# would be a parameter.
_DIGITS = {
    "sqlite": "printf('%012d', abs({x}) % 1000000000000)",
    "postgresql": "lpad(CAST(abs({x}) % 1000000000000 AS text), 12, '0')",
}
_USD = (
    "(CASE WHEN {x} < 0 THEN '-' ELSE '' END) || CAST(abs({x}) / 1000000000000 AS text) || '.'"
    " || coalesce(nullif(rtrim({digits}, '0'), ''), '0')"
)
_TOTAL_OF = "CAST(coalesce(sum({x}), 0) AS bigint)"
_QUARTER_OF = (
    "(substr({x}, 1, 14) || CASE WHEN substr({x}, 15, 2) < '15' THEN '00'"
    " WHEN substr({x}, 15, 2) < '30' THEN '15' WHEN substr({x}, 15, 2) < '45' THEN '30'"
    " ELSE '45' END || ':' || '00.000000Z')"
)
_QUARTER_END_OF = (
    "(substr({x}, 1, 14) || CASE substr({x}, 15, 2) WHEN '00' THEN '14' WHEN '15' THEN '29'"
    " WHEN '30' THEN '44' ELSE '59' END || ':' || '59.999999Z')"
)


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One named statement."""

    name: str
    description: str
    body: str


def load(folder: str, engine: str, *, spelled: bool = True) -> dict[str, SqlFile]:
    """The files of a folder, in dependency order, with an engine's own variants put in.

    Args:
        folder: below `sql/`; a folder `<folder>/<engine>` holds variants of the same names.
        engine: `sqlite` or `postgresql`.
        spelled: whether our own functions are spelled out; else they stand as they are written.
    """
    found = {file.name: file for file in _read(_FOLDER / folder)}
    found |= {file.name: file for file in _read(_FOLDER / folder / engine)}
    ordered = _ordered(found.values())
    return {file.name: _spell(file, engine) if spelled else file for file in ordered}


@cache
def query(name: str, engine: str) -> TextClause:
    """A named query of `sql/queries`, spelled out for an engine, its parameters as `:name`.

    Raises:
        KeyError: there is no such query.
    """
    return text(load("queries", engine)[name].body)


@cache
def _read(folder: Path) -> tuple[SqlFile, ...]:
    return tuple(_parse(path) for path in sorted(folder.glob("*.sql")))


def _parse(path: Path) -> SqlFile:
    written = path.read_text("utf-8")
    header = _HEADER.match(written)
    if header is None or header["name"] != path.stem:
        raise ValueError(f"{path.name} must begin with '-- {path.stem}: what it is for'")
    return SqlFile(header["name"], header["description"], written[header.end() :].strip())


def _ordered(files: Iterable[SqlFile]) -> list[SqlFile]:
    """Those that a statement names come before it."""
    waiting = {file.name: file for file in files}
    ordered: list[SqlFile] = []
    while waiting:
        for name, file in list(waiting.items()):
            others = set(re.findall(r"\w+", file.body)) & waiting.keys() - {name}
            if not others:
                ordered.append(waiting.pop(name))
                break
        else:
            raise ValueError(f"SQL files need each other: {', '.join(waiting)}")
    return ordered


def _spell(file: SqlFile, engine: str) -> SqlFile:
    body = _filled(file.body)
    body = _expand(body, "total_of", _TOTAL_OF)
    body = _expand(body, "quarter_of", _QUARTER_OF)
    body = _expand(body, "quarter_end_of", _QUARTER_END_OF)
    body = _expand(body, "usd", _USD.replace("{digits}", _DIGITS[engine]))
    return SqlFile(file.name, file.description, body)


def _filled(body: str) -> str:
    """Put in the parts that a statement is made of, and the parts of those."""
    parts = {f"{{{part.name}}}": part.body for part in _read(_FOLDER / "parts")}
    while found := next((mark for mark in parts if mark in body), None):
        body = body.replace(found, parts[found])
    return body


def _expand(body: str, function: str, template: str) -> str:
    """Replace every `function(...)`, arguments with brackets included."""
    pattern = re.compile(rf"\b{function}\(")
    while (call := pattern.search(body)) is not None:
        depth, end = 1, call.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(body[end], 0)
            end += 1
        argument = body[call.end() : end - 1]
        body = body[: call.start()] + template.replace("{x}", argument) + body[end:]
    return body
