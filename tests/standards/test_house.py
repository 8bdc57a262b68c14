"""The house: what keeps the code in the shape that it was built in."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ledger"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# From the top of the house to its foundations: a room may import those to its right only.
ROOMS = [
    "__init__",
    "__main__",
    "cli",
    "client",
    "background",
    "conversation",
    "doctor",
    "audit",
    "adoption",
    "exchange",
    "reports",
    "account",
    "settlement",
    "calls",
    "limits",
    "catalogue",
    "callers",
    "openrouter",
    "books",
]
LEAVES = {"errors", "clock", "settings", "logs", "files", "money", "living", "harmless", "texts"}
# The command line starts the sandbox; nothing else knows it.
EXCEPTIONS = {("cli", "sandbox")}

MAX_MODULE_LINES, MAX_FUNCTION_LINES, AIM_MODULE_LINES, AIM_FUNCTION_LINES = 300, 70, 150, 10


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every module of the package that a tree imports, as dotted names below `ledger`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _rooms_imported(path: Path) -> set[str]:
    names = [name.split(".") for name in _imports(_tree(path))]
    known = {*ROOMS, *LEAVES, "sandbox"}
    return {parts[1] for parts in names if parts[0] == "ledger" and len(parts) > 1} & known


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else []
    first = body[0].lineno if body else function.body[0].lineno
    return (function.end_lineno or first) - first + 1


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    room = _room(path)
    for imported in _rooms_imported(path) - {room} - LEAVES:
        if (room, imported) in EXCEPTIONS:
            continue
        assert room not in LEAVES, f"a leaf imports the room {imported}"
        if room == "sandbox":
            assert imported == "openrouter"
            continue
        assert imported != "sandbox", "nothing but the command line knows the sandbox"
        assert ROOMS.index(imported) > ROOMS.index(room), f"{room} imports {imported}, above it"


def test_modules_are_small() -> None:
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert not {str(path): size for path, size in sizes.items() if size > MAX_MODULE_LINES}
    middle = sorted(sizes.values())[len(sizes) // 2]
    assert middle <= AIM_MODULE_LINES


def test_functions_are_small() -> None:
    lengths = {
        f"{path.name}:{function.name}": _body_lines(function)
        for path in MODULES
        for function in _functions(_tree(path))
    }
    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}
    middle = sorted(lengths.values())[len(lengths) // 2]
    assert middle <= AIM_FUNCTION_LINES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_and_public_thing_is_documented_and_annotated(path: Path) -> None:
    tree = _tree(path)
    assert ast.get_docstring(tree), "a module says what it is for"
    for function in _functions(tree):
        assert function.returns is not None, f"{function.name} has no return annotation"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            public = not node.name.startswith("_")
            assert ast.get_docstring(node) or not public, f"{node.name} is not documented"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_wall_time_is_read_in_one_place(path: Path) -> None:
    if path.name == "clock.py":
        return
    readers = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"}
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).split(".")[-1]
            is_clock = owner in {"datetime", "dt", "date", "time"} and node.func.attr in readers
            assert not is_clock, f"line {node.lineno}: {ast.unparse(node.func)}"


def test_no_sql_file_reads_the_clock() -> None:
    for path in PACKAGE.rglob("*.sql"):
        text = path.read_text("utf-8").lower()
        found = re.search(r"current_timestamp|current_date|now\s*\(|'now'|datetime\s*\(", text)
        assert found is None, f"{path.name}: {found}"


@pytest.mark.parametrize("room", ["books", "money.py", "openrouter", "reports", "exchange"])
def test_no_float_is_near_money(room: str) -> None:
    where = PACKAGE / room
    for path in [where] if where.suffix else sorted(where.rglob("*.py")):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "float":
                pytest.fail(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
            if isinstance(node, ast.AnnAssign):
                target = ast.unparse(node.target)
                about_money = re.search(r"pico|cost|usd|price|credit", target)
                assert not (about_money and "float" in ast.unparse(node.annotation)), target


def test_migrations_import_nothing_of_the_package() -> None:
    for path in (ROOT / "migrations" / "versions").glob("*.py"):
        assert not [name for name in _imports(_tree(path)) if name.startswith("ledger")]


def test_keys_in_the_repository_look_fake() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    files = [ROOT / name for name in listed] or [*MODULES, *TESTS]
    for path in files:
        if path.suffix not in {".py", ".md", ".sql", ".toml", ".ini", ".json", ""}:
            continue
        for key in re.findall(r"sk-or-v1-([0-9a-f]{64})", path.read_text("utf-8", "replace")):
            assert key == key[:2] * 32, f"{path.name} holds a key that looks real"


def test_every_lint_exception_has_its_reason() -> None:
    for path in [*MODULES, *TESTS, *sorted((ROOT / "migrations").rglob("*.py"))]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(r"# noqa(?!: [A-Z0-9, ]+ - \S)", line) and "re.search" not in line:
                pytest.fail(f"{path.name}:{number}: {line.strip()}")
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert tomllib.loads(text)["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    ignored = re.findall(r'^  "[A-Z]+\d*",(.*)$', text, re.MULTILINE)
    assert ignored
    assert all(re.match(r"\s+# \S", reason) for reason in ignored)


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "sqlmodel sqlalchemy alembic pydantic httpx typer rich asyncio dotenv platformdirs"
    code = f"import ledger, sys; print([m for m in {heavy.split()} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
