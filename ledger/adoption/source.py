"""One file of a user's source: what its names stand for.

Names are taken together over the whole file, whatever their scope: what may be an LLM call is
better listed once too often.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

Values = Mapping[str, Sequence[ast.expr]]


class Source:
    """The names of one file.

    Args:
        tree: the file, parsed.
        shared: values of names that the file may import from its neighbours.

    Attributes:
        imported: what it imports, by dotted names.
        values: what is assigned to each name, attribute (`self.url`) or argument.
    """

    def __init__(self, tree: ast.Module, shared: Values) -> None:
        self.tree = tree
        self.imported: set[str] = set()
        self.values: dict[str, list[ast.expr]] = defaultdict(list)
        self._shared = shared
        self._names: dict[str, set[str]] = defaultdict(set)
        self._known: dict[str, set[str]] = {}
        annotated = [node for node in ast.walk(tree) if self._learn(node)]
        for node in annotated:
            assert isinstance(node, ast.arg)
            assert node.annotation is not None
            self._names[node.arg] |= {f"{name}()" for name in self.origins(node.annotation)}
        self._known.clear()

    def origins(self, node: ast.expr) -> set[str]:
        """The full names of what an expression may stand for; an object is its class and `()`."""
        if isinstance(node, ast.Await):
            return self.origins(node.value)
        if isinstance(node, ast.BoolOp):
            return set().union(*map(self.origins, node.values))
        if isinstance(node, ast.Call):
            return {f"{name}()" for name in self.origins(node.func)}
        name = key(node)
        found = set(self._of_name(name)) if name else set()
        if isinstance(node, ast.Attribute):
            found |= {f"{inner}.{node.attr}" for inner in self.origins(node.value)}
        return found

    def _of_name(self, name: str) -> set[str]:
        """What a name stands for; while that is looked up, nothing."""
        if name not in self._known:
            self._known[name] = found = set(self._names.get(name, ()))
            for value in self.values.get(name, ()):
                found |= self.origins(value)
        return self._known[name]

    def _learn(self, node: ast.AST) -> bool:
        """Note what a statement says of names; True for an argument with an annotation."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imported.add(alias.name)
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                self._names[alias.asname or whole].add(whole)
        elif isinstance(node, ast.ImportFrom):
            self._learn_from(node)
        elif isinstance(node, ast.arguments):
            self._learn_defaults(node)
        for target, value in assignments(node):
            name = key(target)
            if name:
                self.values[name].append(value)
        return isinstance(node, ast.arg) and node.annotation is not None

    def _learn_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self.imported.add(module)
        for alias in node.names:
            self.imported.add(f"{module}.{alias.name}".strip("."))
            if not node.level:
                self._names[alias.asname or alias.name].add(f"{module}.{alias.name}")
            self.values[alias.asname or alias.name] += self._shared.get(alias.name, ())

    def _learn_defaults(self, node: ast.arguments) -> None:
        placed = [*node.posonlyargs, *node.args][::-1]
        defaults = [*zip(placed, node.defaults[::-1], strict=False)]
        for argument, value in [*defaults, *zip(node.kwonlyargs, node.kw_defaults, strict=True)]:
            if value is not None:
                self.values[argument.arg].append(value)


def constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What is assigned at a file's top: other files may import it."""
    for node in tree.body:
        for target, value in assignments(node):
            if isinstance(target, ast.Name):
                yield target.id, value


def assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets that a statement sets, each with its value."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, node.context_expr


def key(node: ast.expr) -> str | None:
    """A name, or an attribute of one (`self.client`), as text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None
