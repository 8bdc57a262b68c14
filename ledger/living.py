"""The objects of a kind that are alive, for hooks that must reach them all."""

import weakref
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Living(Generic[_Item]):
    """Holds nothing alive. A snapshot is safe while other threads add: a fork hook relies on it."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[_Item]] = {}

    def add(self, item: _Item) -> None:
        """Remember an item for as long as it lives."""
        key, references = id(item), self._references
        references[key] = weakref.ref(item, lambda _dead: references.pop(key, None))

    def snapshot(self) -> list[_Item]:
        """Those alive now. Copying a dict's values is one step that no thread can interrupt."""
        found = (reference() for reference in list(self._references.values()))
        return [item for item in found if item is not None]
