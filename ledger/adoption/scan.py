"""A user's source, file by file: what of it calls an LLM past the books."""

import ast
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.adoption.finding import Finder, Finding
from ledger.adoption.source import Source, constants
from ledger.adoption.urls import Urls
from ledger.errors import NotFoundInLedger
from ledger.openrouter import hosts

_OTHERS = frozenset(
    {
        "__pycache__",
        "node_modules",
        "site-packages",
        "dist-packages",
        "build",
        "dist",
        "venv",
        "env",
    }
)
# What Python itself raises for an expression that is nested too deeply for it.
_TOO_DEEP = (RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Report:
    """What a scan found.

    Attributes:
        files: how many files were read.
        calls: the LLM calls that are not on the books, by file and line.
        unreadable: files that are no Python of this version; nobody can say what they call.
    """

    files: int
    calls: tuple[Finding, ...]
    unreadable: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every call is on the books, as far as the source tells."""
        return not self.calls and not self.unreadable


def scan(path: str | os.PathLike[str], named: Iterable[str] = ()) -> Report:
    """Read a file, or a folder with all below it, without running any of it.

    A file that calls `ledger.install()` covers itself and what it imports from below `path`.

    Args:
        path: of the source.
        named: hosts and base URLs whose calls count beside OpenRouter's own.

    Raises:
        NotFoundInLedger: there is no such path.
        ConfigInvalid: a named host is none.
    """
    root = Path(path)
    if not root.exists():
        raise NotFoundInLedger(f"There is no {root}.", hint="Name a file or a folder of source.")
    urls = Urls(hosts.checked(named))
    texts, trees, unreadable = _read(root)
    shared: dict[str, list[ast.expr]] = defaultdict(list)
    for tree in trees.values():
        for name, value in constants(tree):
            shared[name].append(value)
    looked: dict[Path, _Looked] = {}
    for file, tree in trees.items():
        try:
            looked[file] = _look(file, texts[file], Source(tree, shared), urls)
        except _TOO_DEEP:
            unreadable.append(file)
    covered = _covered(root, looked)
    calls = (
        call
        for file, found in looked.items()
        for call in found.calls
        if not (call.by_install and file in covered)
    )
    return Report(len(texts), tuple(calls), tuple(map(str, sorted(unreadable))))


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one file holds: its calls past the books, its imports, whether it installs."""

    calls: tuple[Finding, ...]
    imported: set[str]
    installs: bool


def _look(file: Path, text: str, source: Source, urls: Urls) -> _Looked:
    finder = Finder(str(file), text, source, urls)
    return _Looked(tuple(finder.findings()), source.imported, finder.installs())


def _read(root: Path) -> tuple[dict[Path, str], dict[Path, ast.Module], list[Path]]:
    """The texts and trees of all files, and the files that have no tree."""
    texts, trees, unreadable = {}, {}, []
    for file in _files(root):
        try:
            data = file.read_bytes()
            trees[file] = ast.parse(data, str(file))
            texts[file] = data.decode("utf-8", "replace").replace("\r\n", "\n")
        except (OSError, SyntaxError, ValueError, *_TOO_DEEP):
            unreadable.append(file)
    return texts, trees, unreadable


def _files(root: Path) -> Iterator[Path]:
    """The Python files of a path, sorted; hidden folders and other people's code are left out."""
    if root.is_file():
        yield root
        return
    found: list[Path] = []
    for folder, inner, names in os.walk(root):
        inner[:] = [
            name
            for name in inner
            if name not in _OTHERS
            and not name.startswith(".")
            and not (Path(folder) / name / "pyvenv.cfg").exists()
        ]
        found += (Path(folder) / name for name in names if name.endswith(".py"))
    yield from sorted(found)


def _covered(root: Path, looked: dict[Path, _Looked]) -> set[Path]:
    """The files that run under `install()`: those that call it, and what they import."""
    by_name: dict[str, set[Path]] = defaultdict(set)
    for file in looked:
        below = file.relative_to(root if root.is_dir() else root.parent)
        parts = below.with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        for start in range(len(parts)):
            by_name[".".join(parts[start:])].add(file)
    covered: set[Path] = set()
    waiting = [file for file, found in looked.items() if found.installs]
    while waiting:
        file = waiting.pop()
        if file not in covered:
            covered.add(file)
            for name in looked[file].imported:
                waiting += by_name.get(name, ())
    return covered
