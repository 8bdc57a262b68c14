"""Which module called, told by the frames of the call itself.

This runs on every call, so it looks each file up in a table; only a file's first time costs more.
Files are told by their module's `__file__`, since what stands in a code object may be
`<string>`. Code objects are kept by identity: two equal functions of two files are equal objects.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

from ledger import errors
from ledger.callers import names, places, tasks
from ledger.callers.known import KnownNames, known_names
from ledger.callers.places import Place

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FROZEN = "<frozen "
_MOST_MODULES = 8
# How VS Code and JupyterLab tell a kernel whose notebook it runs.
_NOTEBOOK_FILES = ("__vsc_ipynb_file__", "__session__")
_HINT = (
    'Pass caller="NAME". A call whose own function was handed to a thread, a pool or a task has'
    " no module above it either: wrap it in a function of your module."
)

_places: dict[object, Place] = {}
_transparent: dict[int, CodeType] = {}
_by_path: dict[tuple[tuple[Path, ...], str], bool] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """The module that asked. Its identity is its name and its folder.

    Attributes:
        name: the unit of attribution.
        folder: beside whose code its JSON folder goes; None for the home's `callers/NAME`.
        chain: how it was called through others; its name where it called directly.
        file: the file that was detected, absolute, or None.
        rule: one sentence that says which rule decided.
        is_named: whether `caller=` named it, and not its file.
    """

    name: str
    folder: Path | None
    chain: str
    file: str | None
    rule: str
    is_named: bool = False

    def json_folder(self, home: Path) -> Path:
        """Where this caller's three files go, whether it is there yet or not."""
        if self.folder is None:
            return home / "callers" / self.name
        return self.folder / f"{self.folder.name}_json"


def transparent(function: _Function) -> _Function:
    """Mark a function, wrapped or not, so that it is never the caller: who called it is.

    Raises:
        TypeError: there is no Python code to mark, as in a class or a built-in.
    """
    marked = 0
    inner: Any = function
    while inner is not None:
        inner = getattr(inner, "__func__", inner)
        code = getattr(inner, "__code__", None)
        if isinstance(code, CodeType):
            _mark(code)
            marked += 1
        inner = getattr(inner, "__wrapped__", None)
    if not marked:
        raise TypeError(f"@transparent marks functions; {function!r} has no code of its own")
    return function


def _mark(code: CodeType) -> None:
    """Mark a function's code and what is nested in it: lambdas, generators, comprehensions."""
    _transparent[id(code)] = code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _mark(constant)


def detect(
    frame: FrameType | None,
    *,
    explicit: str | None,
    transparent_paths: Sequence[Path] = (),
    home: Path,
    known: KnownNames | None = None,
) -> Caller:
    """The caller of a public function, asked from that very function.

    Args:
        frame: the frame that called the public function, `sys._getframe(1)` there.
        explicit: the user's `caller=`, a name or a chain.
        transparent_paths: files and folders that are never the caller.
        home: the ledger's home.
        known: the names given so far; those of this home in this process, if left out.

    Raises:
        CallerUnknown: no frame belongs to a module with a file, and no name was passed.
        CallerInvalid: `explicit` is no name.
    """
    registry = known_names(home) if known is None else known
    if explicit is None:
        place = _find(frame, tuple(transparent_paths))
        if place is None:
            raise errors.CallerUnknown("Nobody can say which module called.", hint=_HINT)
        return registry.callers.get(place.file) or detected(place, registry)
    name, chain = names.parse_explicit(names.checked_text(explicit))
    return _named(name, chain, _find(frame, tuple(transparent_paths)), registry)


def modules_above(frame: FrameType | None) -> tuple[str, ...]:
    """The files of the modules that a frame runs for: who calls from there, then those above.

    Those above count where the home's config says that the first is never the caller.
    """
    first = _find(frame, ())
    found = [] if first is None else [first.file]
    while found and frame is not None and len(found) < _MOST_MODULES:
        file = frame.f_globals.get("__file__")
        place = _places.get(file) or _look(file, frame.f_code)
        if place is not None and place.kind == "module" and place.file != found[-1]:
            found.append(place.file)
        frame = None if tasks.is_loop(frame) else frame.f_back
    return tuple(found)


def is_module_of(
    frame: FrameType | None, opened_by: Sequence[str], transparent_paths: Sequence[Path]
) -> bool:
    """Whether a frame's module is the one that `modules_above` told; so if it has none."""
    paths = tuple(transparent_paths)
    place = _find(frame, paths)
    if place is None:
        return True
    others = (file for file in opened_by if not (paths and _is_transparent(file, paths)))
    return next(others, None) == place.file


def detected(place: Place, registry: KnownNames) -> Caller:
    """The caller that a file is, under a name that no other folder has."""
    name, clash = registry.claim(place.name, place.folder)
    rule = f"the name is {place.name!r} by its file; the folder is {place.rule}"
    if clash:
        rule = f"another folder has a {place.name!r}, so the folder's name is added; {rule}"
    folder = registry.folder_of(name)  # as first spelled: on Windows, equal is not identical
    caller = Caller(name, folder, name, place.file, rule)
    registry.callers[place.file] = caller
    return caller


def _named(name: str, chain: str, place: Place | None, registry: KnownNames) -> Caller:
    """The caller that was named: in its known folder, else where the call came from."""
    file, folder = (place.file, place.folder) if place else (None, None)
    where = place.rule if place else "the home's, for no file called"
    if registry.knows(name) and registry.folder_of(name) != folder:
        folder, where = registry.folder_of(name), "the one known"
    return Caller(name, folder, chain, file, f"named by caller=; the folder is {where}", True)


def renamed(caller: Caller, registry: KnownNames) -> Caller:
    """The caller once its name is known to be another folder's.

    One that was named goes to that folder; one that was detected gets a name of its own.
    """
    if caller.is_named:
        return dataclasses.replace(caller, folder=registry.folder_of(caller.name))
    assert caller.file is not None
    name, _ = registry.claim(places.place_of(caller.file).name, caller.folder)
    above, arrow, _ = caller.chain.rpartition(names.ARROW)
    found = dataclasses.replace(
        caller, name=name, chain=above + arrow + name, folder=registry.folder_of(name)
    )
    registry.callers[caller.file] = dataclasses.replace(found, chain=name)
    return found


def _find(frame: FrameType | None, transparent_paths: tuple[Path, ...]) -> Place | None:
    """The place of the first frame that is a module's; else of the outermost installed package."""
    package: Place | None = None
    program: Place | None = None
    while frame is not None:
        variables, code = frame.f_globals, frame.f_code
        file = variables.get("__file__")
        place = _places.get(file) or _look(file, code)
        if place is None:
            if variables.get("__name__") == "__main__":
                # A prompt, `-c` or a notebook: what is above it did not ask.
                return _notebook(variables)
        elif place.kind == "module":
            if not (
                id(code) in _transparent
                or variables.get("__ledger_transparent__") is True
                or (transparent_paths and _is_transparent(place.file, transparent_paths))
            ):
                return place
        elif place.kind == "installed":
            package = place
        elif place.kind == "script":
            program = place
        elif place.kind == "standard" and tasks.is_loop(frame):
            maker = _maker(transparent_paths)
            if maker is not None:
                return maker
        frame = frame.f_back
    return package or program


def _maker(transparent_paths: tuple[Path, ...]) -> Place | None:
    """The place of the module that made the running task, where the task remembers."""
    for file in tasks.made_from():
        place = _places.get(file)
        if place is not None and not (
            transparent_paths and _is_transparent(file, transparent_paths)
        ):
            return place
    return None


def _look(file: object, code: CodeType) -> Place | None:
    """The place of a file, found once; None where there is no file behind the code.

    What a module calls its `__file__` is believed, as in a zip, where no such file can be opened;
    a code object's file name is not, for prompts and notebooks make names up.
    """
    if not isinstance(file, str) or file.startswith("<"):
        file = code.co_filename
        known = _places.get(file)
        if known is not None:
            return known
        if file.startswith(_FROZEN):
            return _places.setdefault(file, Place("standard", file, "frozen", None, "frozen"))
        if file.startswith("<") or not os.path.exists(file):  # noqa: PTH110 - a string
            return None
    if not os.path.isabs(file):  # noqa: PTH117 - a string; it says a file only with the folder of now
        return places.place_of(file)
    return _places.setdefault(file, places.place_of(file))


def _notebook(variables: dict[str, Any]) -> Place | None:
    """The notebook whose cell this is, where the program that shows it says its file."""
    for name in _NOTEBOOK_FILES:
        file = variables.get(name)
        if isinstance(file, str) and file.endswith(".ipynb") and _is_file(file):
            return _places.get(file) or _places.setdefault(file, places.place_of(file))
    return None


def _is_file(file: str) -> bool:
    """Whether a text is the whole path of a file."""
    return os.path.isabs(file) and os.path.isfile(file)  # noqa: PTH113, PTH117 - a string


def _is_transparent(file: str, paths: tuple[Path, ...]) -> bool:
    """Whether a file is one of the transparent paths or below one; found once for both."""
    key = (paths, file)
    if key not in _by_path:
        _by_path[key] = any(places.is_below(file, path) for path in paths)
    return _by_path[key]
