"""The chain: how one caller called through others, `orchestrator->skill1->skill2`.

A block names its module, and blocks nest:

    with ledger.caller("orchestrator"):  # in orchestrator.py
        skill1.run()

How a call's chain is put together of the blocks that are open where it is made, of the module
that is detected, and of an explicit `caller=`:

- The members of the open blocks come first, the outermost first.
- The module that opened the innermost block is who that block says: its file is not added.
- Another module that calls inside the block joins the chain as its last member.
- `caller="name"` joins the chain as its last member, in the detected module's place.
- `caller="a->b"`, or with a prefix `multi_skill:a->b`, is the whole chain: blocks add nothing.
- A block of tags alone, `ledger.caller(tags={...})`, changes nothing of this.
- A member that would follow itself is not repeated.
- The last member is the caller: the call is booked under its name, and its config counts.

What a process inherits by `LEDGER_CHAIN` (see `child_env`) stands before all its blocks.
"""

import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import ParamSpec, TypeVar

from ledger.callers import names
from ledger.callers import tags as tags_module
from ledger.callers.blocks import Block, Blocks, members_of, open_blocks
from ledger.callers.detection import Caller, detect, is_module_of, modules_above
from ledger.callers.lanes import wrapped

P = ParamSpec("P")
R = TypeVar("R")


class caller:  # noqa: N801 - it reads as a verb: `with ledger.caller("skill1"):`
    """Name who calls in a block or a function: `with ledger.caller("skill1"):`.

    Blocks nest, and make the chain under which calls are booked: `orchestrator->skill1->skill2`.
    Tasks that are made inside have it by themselves, threads and pools by `ledger.carry`, child
    processes by `ledger.child_env`. As a decorator it serves functions, coroutines and
    generators, sync and async. A `with` around the `yield` of a generator is open in the code
    that consumes it too: decorate the generator instead. How names join is said in
    `ledger.callers.chains`.

    Args:
        name: the name, or a chain of them, `a->b`; left out, the block has tags alone.
        tags: tags of every call inside, such as `{"task": "summary"}`.

    Raises:
        CallerInvalid: it can't be a name, or there are neither a name nor tags.
        TagInvalid: what is given as tags can't be.
        ChainTooDeep: on entry, where there are too many members then.
    """

    def __init__(self, name: str | None = None, *, tags: tags_module.Tags | None = None) -> None:
        chain = ""
        if name is not None or tags is None:
            _, chain = names.parse_explicit(names.checked_text(name))
        self._members = tuple(chain.split(names.ARROW)) if chain else ()
        self._tags = tuple(tags_module.checked(tags or {}).items())
        self._opened_by = modules_above(sys._getframe(1))  # noqa: SLF001 - the documented way to a frame

    def __repr__(self) -> str:
        return f"caller({names.ARROW.join(self._members)!r}, tags={dict(self._tags)!r})"

    def __enter__(self) -> None:
        open_blocks.set(self._within(open_blocks.get()))

    def __exit__(self, *_error: object) -> None:
        """Close this very block, whatever else was opened or closed since."""
        blocks = open_blocks.get()
        for index in reversed(range(len(blocks))):
            if blocks[index].owner is self:
                open_blocks.set(blocks[:index] + blocks[index + 1 :])
                return

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function of any kind: it runs in a block of its own each time."""
        if not callable(function):
            raise TypeError(f"@ledger.caller decorates functions, not {type(function).__name__}")
        return wrapped(function, lambda: self._within(open_blocks.get()))

    def _within(self, blocks: Blocks) -> Blocks:
        opened = (*blocks, Block(self._members, self._opened_by, self._tags, self))
        names.check_depth(members_of(opened))
        return opened


def detect_in_chain(
    frame: FrameType | None,
    *,
    explicit: str | None,
    transparent_paths: Sequence[Path] = (),
    home: Path,
) -> Caller:
    """The caller of a public function, with the chain that is open joined to it.

    Args:
        frame: the frame that called the public function.
        explicit: the user's `caller=`, a name or a chain.
        transparent_paths: files and folders that are never the caller.
        home: the ledger's home.

    Raises:
        CallerUnknown: no frame belongs to a module with a file, and nobody is named.
        CallerInvalid: `explicit` is no name.
        ChainTooDeep: the chain has too many members.
    """
    find = functools.partial(detect, frame, transparent_paths=transparent_paths, home=home)
    blocks = [block for block in open_blocks.get() if block.members]
    if not blocks:
        return find(explicit=explicit)
    above = members_of(blocks)
    if explicit is None and is_module_of(frame, blocks[-1].opened_by, transparent_paths):
        return find(explicit=names.ARROW.join(above))
    found = find(explicit=explicit)
    if explicit is not None and names.is_chain(explicit):
        return found
    chain = above if above[-1] == found.name else (*above, found.name)
    names.check_depth(chain)
    return dataclasses.replace(found, chain=names.ARROW.join(chain))
