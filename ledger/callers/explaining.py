"""Which caller a file would be, and by which rule, told without a call."""

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.callers import detection, places, provisioning
from ledger.callers.known import KnownNames
from ledger.callers.places import Place
from ledger.errors import RequestInvalid

_NEVER = {
    "standard": "it belongs to the standard library, which is never the caller; who uses it is",
    "sdk": "it belongs to an SDK, which is never the caller; who uses it is",
    "ledger": "it belongs to the ledger itself, which is never the caller",
}
_LAST = "only where no module of yours is among those that called; "
_PASSED = "is never the caller; who calls it is"
_MARK = "__ledger_transparent__"
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be booked for a call from a file.

    Attributes:
        file: the file, absolute.
        line: the line in it that was asked about.
        name: the caller's name; None where this code is never the caller.
        folder: beside whose code its JSON folder goes; None for the home's `callers/NAME`.
        config: where its config is, or would be made.
        rule: one sentence that says which rule decides.
    """

    file: Path
    line: int | None
    name: str | None
    folder: Path | None
    config: Path | None
    rule: str


def split(asked: str) -> tuple[str, int | None]:
    """`FILE:LINE` as its parts; a file whose own name ends so is taken whole."""
    head, _, tail = asked.rpartition(":")
    if head and tail.isdecimal() and tail.isascii() and not os.path.exists(asked):  # noqa: PTH110 - as given
        return head, int(tail)
    return asked, None


def explain(
    file: str,
    line: int | None,
    *,
    home: Path,
    transparent_paths: Sequence[Path],
    known: KnownNames,
) -> Explanation:
    """The caller that a file would be, or that it never is one, and why. Nothing is written.

    Args:
        file: a path, of a module or of something in an archive.
        line: a line of it: code in a transparent function is never the caller.
        home: the ledger's home.
        transparent_paths: files and folders that are never the caller.
        known: the names that are given; what is explained is added to a copy only.

    Raises:
        RequestInvalid: there is no such file, or it has no such line.
    """
    path = Path(os.path.abspath(file))  # noqa: PTH100 - a link is to stay as given
    if not any(os.path.isfile(each) for each in (path, *path.parents)):  # noqa: PTH113 - Path.is_file raises where a folder is closed
        raise RequestInvalid(f"There is no file {path}.", hint="Give the path of a module.")
    place = places.place_of(str(path))
    found = Explanation(path, line, None, None, None, "")
    reason = _NEVER.get(place.kind) or _transparent(path, line, transparent_paths)
    if reason is not None:
        return replace(found, rule=reason)
    caller = detection.detected(place, known.copy())
    rule = caller.rule if place.kind == "module" else _LAST + _installed(place)
    config = provisioning.config_path(caller, home)
    return replace(found, name=caller.name, folder=caller.folder, config=config, rule=rule)


def _installed(place: Place) -> str:
    return f"the name is {place.name!r} by its package or program, and {place.rule}"


def _transparent(path: Path, line: int | None, paths: Sequence[Path]) -> str | None:
    """Why code at this place is transparent, if it is."""
    for each in paths:
        if places.is_below(str(path), each):
            return f"{each} is a transparent path of openrouter_config.json: it {_PASSED}"
    try:
        source = path.read_bytes()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        source, tree = b"", ast.Module([], [])  # in an archive, or no code that can be read here
    if line is not None and source and not 1 <= line <= len(source.splitlines()):
        raise RequestInvalid(f"{path} has no line {line}: it has {len(source.splitlines())}.")
    if any(_is_mark(node) for node in tree.body):
        return f"{_MARK} is True in this module: it {_PASSED}"
    for function in _marked(tree):
        first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
        if line is not None and first <= line <= (function.end_lineno or first):
            return f"line {line} is in the transparent function {function.name}: it {_PASSED}"
    return None


def _is_mark(node: ast.stmt) -> bool:
    """Whether a statement is `__ledger_transparent__ = True`."""
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets, value = [node.target], node.value
    else:
        return False
    named = any(isinstance(each, ast.Name) and each.id == _MARK for each in targets)
    return named and isinstance(value, ast.Constant) and value.value is True


def _marked(tree: ast.Module) -> Iterator[_Function]:
    """The functions that are marked `@transparent`, or passed to it by their name."""
    marks = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ledger"
        for alias in node.names
        if alias.name == "transparent"
    }

    def is_mark(node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "transparent"
        return isinstance(node, ast.Name) and node.id in marks

    passed = {
        argument.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and is_mark(node.func)
        for argument in node.args
        if isinstance(argument, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, _Function) and (
            node.name in passed or any(is_mark(each) for each in node.decorator_list)
        ):
            yield node
