"""Where a file of code belongs: to the standard library, to an installed package, or to a module.

Decided once for each file; what is asked of the file system here is not on the path of a call.
"""

import dataclasses
import functools
import os
import stat
import sys
import sysconfig
from pathlib import Path, PurePath
from types import ModuleType
from typing import Literal

from ledger.callers import names

Kind = Literal["standard", "installed", "script", "sdk", "ledger", "module"]

_SITE_FOLDERS = ("site-packages", "dist-packages")
_PROJECT_MARKERS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
_MODES_MEAN_SOMETHING = os.name == "posix"
_BUNDLE_FOLDERS = ("lib", "_internal")
_NAMED_BY_FOLDER = ("__init__", "__main__", "main", "app", "cli")
# Clients and the plumbing below them: they carry a call for someone else.
_SDKS = frozenset(
    {
        "openai",
        "anthropic",
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "h11",
        "h2",
        "anyio",
        "litellm",
        "openrouter",
        "groq",
        "together",
        "mistralai",
        "google/genai",
        "pydantic_ai",
        "langchain",
        "langchain_core",
        "langchain_openai",
        "langchain_anthropic",
        "langchain_openrouter",
        "langgraph",
        "llama_index",
        "instructor",
        "requests",
        "urllib3",
        "aiohttp",
        "tenacity",
        "backoff",
        "respx",
    }
)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - a string


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """What is known about one file.

    Attributes:
        kind: `script` is a program that an installed package put beside the interpreter.
        file: the file as given, made absolute; links are left as they are.
        name: the caller's name by this file.
        folder: the folder beside which its JSON folder goes, or None for the home.
        rule: why that folder, in a few words.
    """

    kind: Kind
    file: str
    name: str
    folder: Path | None
    rule: str


def place_of(file: str) -> Place:
    """Look at one file, as a module's `__file__` gives it."""
    path = os.path.abspath(file)  # noqa: PTH100 - a link is to stay as given
    real = os.path.realpath(path)
    if _inside(real, _PACKAGE):
        return Place("ledger", path, "ledger", None, "this package itself")
    bundle = _bundle()
    if bundle is not None and _inside(real, bundle):
        return _frozen(path, Path(os.path.relpath(real, bundle)))
    package = _package_of(Path(path)) or _package_of(Path(real))
    if package:
        kind: Kind = "sdk" if _SDKS & {package[0], "/".join(package[:2])} else "installed"
        name = names.from_stem(_stem(package[0]))
        return Place(kind, path, name, None, "an installed package's files go to the home")
    if any(_inside(real, folder) for folder in _standard_folders()):
        return Place("standard", path, names.from_stem(_stem(path)), None, "the standard library")
    if os.path.normcase(os.path.dirname(path)) == _scripts_folder():  # noqa: PTH120 - a string
        name = names.from_stem(_stem(path))
        return Place("script", path, name, None, "an installed program's files go to the home")
    folder, rule = _folder_of(Path(path))
    return Place("module", path, _name_of(Path(path)), folder, rule)


def _bundle() -> str | None:
    """The folder into which a program was frozen, resolved; None where this is no such program."""
    if not getattr(sys, "frozen", False):
        return None
    program = os.path.dirname(sys.executable)  # noqa: PTH120 - a string
    return os.path.realpath(getattr(sys, "_MEIPASS", None) or program)


def _frozen(path: str, inside: PurePath) -> Place:
    """A file of a frozen program, in which all kinds lie side by side.

    Its bundle may be a temporary folder: the caller's files go beside the program itself.
    """
    parts = list(inside.parts)
    while len(parts) > 1 and (parts[0] in _BUNDLE_FOLDERS or parts[0].endswith(".zip")):
        parts.pop(0)
    top = _stem(parts[0])
    if top in sys.stdlib_module_names:
        return Place("standard", path, names.from_stem(top), None, "the standard library")
    if _SDKS & {top, "/".join(parts[:2])}:
        return Place("sdk", path, names.from_stem(top), None, "an SDK")
    program, stem = Path(os.path.realpath(sys.executable)), names.from_stem(_stem(parts[-1]))
    if len(parts) == 1 and stem in _NAMED_BY_FOLDER:
        name = names.from_stem(program.stem)
    else:
        name = _name_of(Path(path))
    if any(each.suffix == ".app" for each in program.parents):
        return Place("module", path, name, None, "an application bundle's files go to the home")
    return Place("module", path, name, program.parent, "the one of the frozen program")


def project_root(folder: Path) -> Path:
    """The highest folder that a project of this one can have: where its marker is, as a rule."""
    return _candidates(folder)[-1]


def is_module_folder(folder: Path) -> bool:
    """Whether files may be made below a folder: no installed package's, no standard library's."""
    return place_of(str(folder / "module.py")).kind == "module"


def is_below(file: str, folder: Path) -> bool:
    """Whether a file is that path or stands below it; links are followed, case as the OS has it."""
    return _inside(os.path.realpath(file), os.path.realpath(folder))


def _inside(real: str, folder: str, rules: ModuleType = os.path) -> bool:
    """Whether a resolved path is a resolved folder or below it, by a platform's rules of paths."""
    path, root = rules.normcase(real), rules.normcase(folder)
    return bool(path == root or path.startswith(root.rstrip(rules.sep) + rules.sep))


def _package_of(path: PurePath) -> tuple[str, ...]:
    """The parts of a path after its last `site-packages`; none where it has no such part."""
    parts = path.parts
    for index in range(len(parts) - 1, 0, -1):
        if parts[index - 1].casefold() in _SITE_FOLDERS:
            return parts[index:]
    return ()


def is_there(path: Path) -> bool:
    """Whether something has that name; where nobody may look, nothing has."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where a folder is closed


def _is_folder(path: Path) -> bool:
    """Whether it is a folder; where nobody may look, it is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a folder is closed


def _stem(path: str) -> str:
    """A file's name without its last suffix."""
    return os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122 - as Path, but `.x`


@functools.cache
def _standard_folders() -> tuple[str, ...]:
    """Where the standard library is, resolved."""
    found = {os.path.dirname(os.__file__)}  # noqa: PTH120 - a string
    found |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return tuple(os.path.realpath(folder) for folder in sorted(found))


@functools.cache
def _scripts_folder() -> str:
    """Where installed packages put their programs, beside the interpreter."""
    folder = os.path.abspath(sysconfig.get_path("scripts"))  # noqa: PTH100 - compared as given
    return os.path.normcase(folder)


def _name_of(path: Path) -> str:
    """The stem's name; files that only say how a folder is run take the folder's."""
    stem = names.from_stem(path.stem)
    if stem not in _NAMED_BY_FOLDER or not path.parent.name:
        return stem
    inside_archive = path.parent.is_file()
    return names.from_stem(path.parent.stem if inside_archive else path.parent.name)


def _folder_of(path: Path) -> tuple[Path | None, str]:
    """The folder beside whose code the caller's files go, and the rule that chose it."""
    own = next((folder for folder in path.parents if _is_folder(folder)), None)
    if own is None or not own.name:
        return None, "the file stands in no folder that has a name, so its files go to the home"
    for folder in _candidates(own):
        if _is_folder(folder / f"{folder.name}_json"):
            return folder, f"the nearest one that holds {folder.name}_json"
        if _is_known(folder.name):
            return folder, "the nearest one named flow, prax or skills_*"
    return own, "the file's own folder"


def _is_known(folder_name: str, rules: ModuleType = os.path) -> bool:
    """Whether a folder's name is one of an ecosystem's, by a platform's rules of case."""
    name = rules.normcase(folder_name)
    return name in {"flow", "prax"} or name.startswith("skills_")


def _candidates(own: Path) -> list[Path]:
    """A file's folder and those above it, up to the project's root.

    Without a project's marker they end below the user's home folder, the root of the disk, or a
    folder into which everyone may write: what one program left in /tmp must not claim all there.
    How the program was started (`sys.path[0]`) has no say: the same file must give the same
    folder as a script, as a module and in a test.
    """
    user_home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home raises where there is none
    found = [own]
    for folder in (own, *own.parents):
        if folder != own:
            if folder == user_home or not folder.name or _is_everyones(folder):
                break
            found.append(folder)
        if folder == user_home or any(is_there(folder / marker) for marker in _PROJECT_MARKERS):
            break
    return found


def _is_everyones(folder: Path) -> bool:
    """Whether any user may write into a folder; Windows shows that mode for every folder."""
    if not _MODES_MEAN_SOMETHING:
        return False
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False
