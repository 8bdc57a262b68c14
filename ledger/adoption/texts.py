"""Which texts an expression of a user's source can be, as far as the source tells."""

import ast
import itertools
import re
from collections.abc import Iterable

from ledger.adoption.source import Source, key

UNKNOWN = "\0"
"""Stands for the part of a text that only the running program knows."""

_MOST = 16
_HOLE = re.compile(r"%[sdr]|\{[^{}]*\}")
_LOOK_UPS = frozenset({"getenv", "get", "getattr", "setdefault", "pop"})
_JOINERS = frozenset({"urljoin", "URL", "str"})
_SHAPERS = frozenset({"strip", "rstrip", "lstrip", "removesuffix", "lower", "replace", "encode"})


class Texts:
    """The texts of one file's expressions; at most 16 for each."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[str, set[str]] = {}

    def of(self, node: ast.expr | None) -> set[str]:
        """The texts that an expression may be, `UNKNOWN` for what can't be told."""
        parts = _parts(node)
        if parts is not None:
            return self._joined(parts)
        choices = _choices(node)
        if choices is not None:
            return _few(text for value in choices for text in self.of(value))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return {node.value}
        if isinstance(node, ast.Call):
            return self._called(node)
        return {UNKNOWN} if node is None else self._named(node)

    def _named(self, node: ast.expr) -> set[str]:
        """What a name, or that attribute of any object, is set to; nothing while looked up."""
        values = self._source.values
        names = (key(node), node.attr if isinstance(node, ast.Attribute) else None)
        name = next((name for name in names if name and values.get(name)), None)
        if name is None:
            return {UNKNOWN}
        if name not in self._known:
            self._known[name] = {UNKNOWN}
            self._known[name] = _few(text for value in values[name] for text in self.of(value))
        return self._known[name]

    def _called(self, node: ast.Call) -> set[str]:
        """The text that a call gives: of a look-up its default, of a method its object."""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else None
        name = method or key(node.func)
        if name in _LOOK_UPS:
            return self.of(node.args[-1]) if len(node.args) > 1 else {UNKNOWN}
        if name in _JOINERS:
            return self._joined(node.args)
        if isinstance(node.func, ast.Attribute) and method in _SHAPERS:
            return self.of(node.func.value)
        return {UNKNOWN}

    def _joined(self, parts: list[ast.expr]) -> set[str]:
        choices = [sorted(self.of(part)) for part in parts]
        return _few("".join(each) for each in itertools.product(*choices))


def _parts(node: ast.expr | None) -> list[ast.expr] | None:
    """What a text is put together from, in order; None where it is no such text."""
    if isinstance(node, ast.JoinedStr):
        return node.values
    if isinstance(node, ast.FormattedValue):
        return [node.value]
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return _filled(node.left, values)
        return [node.left, node.right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _filled(node.func.value, node.args) if node.func.attr == "format" else None
    return None


def _filled(template: ast.expr, values: list[ast.expr]) -> list[ast.expr]:
    """The pieces of a template with its values between them, one after the other."""
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        return [template]
    pieces: list[ast.expr] = [ast.Constant(piece) for piece in _HOLE.split(template.value)]
    between = itertools.chain(values, itertools.repeat(ast.Constant(None)))
    filled = [part for pair in zip(pieces, between, strict=False) for part in pair]
    return filled[: 2 * len(pieces) - 1]


def _choices(node: ast.expr | None) -> list[ast.expr] | None:
    """What a text is one of; None where there is no choice."""
    if isinstance(node, ast.BoolOp):
        return node.values
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else None


def _few(texts: Iterable[str]) -> set[str]:
    return set(itertools.islice(texts, _MOST))
