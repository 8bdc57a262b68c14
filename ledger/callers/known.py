"""Names already given: a name stands for one folder, in one home, in one process.

There is no lock: `dict.setdefault` decides in one step, and nothing can be held over a fork.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ledger import logs
from ledger.callers import names

if TYPE_CHECKING:
    from ledger.callers.detection import Caller


class KnownNames:
    """Which folder has which name; may be told what the books know.

    Attributes:
        callers: the callers that were detected, by their file.
    """

    def __init__(self) -> None:
        self._owners: dict[str, Path | None] = {}
        self.callers: dict[str, Caller] = {}

    def learn(self, name: str, folder: Path | None) -> None:
        """Tell a name that a folder has, unless it is another's."""
        self._owners.setdefault(name, folder)

    def copy(self) -> "KnownNames":
        """The same names, to try one more on."""
        other = KnownNames()
        other._owners = dict(self._owners)
        return other

    def correct(self, name: str, folder: Path | None) -> None:
        """A name is, as the books have it, another folder's than was thought here."""
        self._owners[name] = folder
        for file, caller in list(self.callers.items()):
            if caller.name == name and caller.folder != folder:
                self.callers.pop(file, None)

    def knows(self, name: str) -> bool:
        """Whether a folder, or the home, has a name."""
        return name in self._owners

    def has_below(self, root: Path, besides: Path) -> bool:
        """Whether a folder below a root, other than the one given, has a name."""
        return any(
            folder is not None and folder != besides and folder.is_relative_to(root)
            for folder in list(self._owners.values())
        )

    def folder_of(self, name: str) -> Path | None:
        """The folder that has a name; None where nobody has it, or the home."""
        return self._owners.get(name)

    def claim(self, name: str, folder: Path | None) -> tuple[str, bool]:
        """The name under which a folder's module is known, and whether another had the plain one.

        The first folder has the name; a second one `folder.name`, and so on upward.
        """
        for number, candidate in enumerate(_candidates(name, folder)):
            owner = self._owners.setdefault(candidate, folder)
            if owner == folder or is_same(owner, folder):
                if number:
                    _say(name, candidate, folder)
                return candidate, number > 0
        raise AssertionError("the last candidate is unbounded in number")


def is_same(one: Path | None, other: Path | None) -> bool:
    """Whether two spellings are one folder: through a link, or where the disk folds case."""
    if one is None or other is None:
        return False
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - paths of another platform are compared too
    except OSError:
        return False


def _candidates(name: str, folder: Path | None) -> Iterator[str]:
    """The name, then with its folder, then with the folders above it, then numbered."""
    yield name
    parts = ["callers"] if folder is None else [part for part in folder.parts if part.strip("/\\")]
    longer = name
    for part in reversed(parts):
        longer = f"{part}.{longer}"
        yield names.from_stem(longer)
    number = 2
    while True:
        yield names.from_stem(f"{longer}.{number}")
        number += 1


def _say(name: str, given: str, folder: Path | None) -> None:
    """Say once that a module is booked under a longer name."""
    logs.log_once(
        f"caller-name:{given}:{folder}",
        logging.WARNING,
        "caller %s: another folder has that name, so the one in %s is booked as %s",
        name,
        folder,
        given,
    )


_registries: dict[Path, KnownNames] = {}


def known_names(home: Path) -> KnownNames:
    """The names given in one home by this process."""
    registry = _registries.get(home)
    return _registries.setdefault(home, KnownNames()) if registry is None else registry
