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
- A member that would follow itself is not repeated.
- The last member is the caller: the call is booked under its name, and its config counts.

What a process inherits by `LEDGER_CHAIN` (see `child_env`) stands before all its blocks.
"""

import dataclasses
import functools
import inspect
import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

from ledger import errors, logs
from ledger.callers import names
from ledger.callers.detection import Caller, detect, is_module_of, modules_above

P = ParamSpec("P")
R = TypeVar("R")

VARIABLE = "LEDGER_CHAIN"
_LONGEST = 4096
_ELSEWHERE = ("<elsewhere>",)
"""Who opened what was inherited: no file of this process."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One open block: who it adds, and the files that it was opened from, innermost first."""

    members: tuple[str, ...]
    opened_by: tuple[str, ...]
    owner: object = None


Blocks = tuple[Block, ...]


def _inherited() -> Blocks:
    """What the parent process handed down; a value that can be no chain is said once."""
    text = os.environ.get(VARIABLE)
    if not text:
        return ()
    try:
        if len(text) > _LONGEST:
            raise errors.CallerInvalid("it is too long")  # noqa: TRY301 - one place says it
        _, chain = names.parse_explicit(text)
    except errors.CallerInvalid:
        logs.log_once(VARIABLE, logging.WARNING, "%s is no chain, so it is ignored", VARIABLE)
        return ()
    return (Block(tuple(chain.split(names.ARROW)), _ELSEWHERE),)


open_blocks: ContextVar[Blocks] = ContextVar("ledger_chain", default=_inherited())  # noqa: B039 - a tuple of frozen things


def members_of(blocks: Blocks) -> tuple[str, ...]:
    """The chain that blocks make; no member follows itself."""
    found: list[str] = []
    for block in blocks:
        found += (member for member in block.members if found[-1:] != [member])
    return tuple(found)


class caller:  # noqa: N801 - it reads as a verb: `with ledger.caller("skill1"):`
    """Name who calls in a block or a function: `with ledger.caller("skill1"):`.

    Blocks nest, and make the chain under which calls are booked: `orchestrator->skill1->skill2`.
    Tasks that are made inside have it by themselves, threads and pools by `ledger.carry`, child
    processes by `ledger.child_env`. As a decorator it serves functions, coroutines and
    generators, sync and async. A `with` around the `yield` of a generator is open in the code
    that consumes it too: decorate the generator instead. How names join is said in
    `ledger.callers.chains`.

    Args:
        name: the name, or a chain of them, `a->b`.

    Raises:
        CallerInvalid: it can't be a name.
        ChainTooDeep: on entry, where there are too many members then.
    """

    def __init__(self, name: str) -> None:
        _, chain = names.parse_explicit(names.checked_text(name))
        self._members = tuple(chain.split(names.ARROW))
        self._opened_by = modules_above(sys._getframe(1))  # noqa: SLF001 - the documented way to a frame

    def __repr__(self) -> str:
        return f"caller({names.ARROW.join(self._members)!r})"

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
        opened = (*blocks, Block(self._members, self._opened_by, self))
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
    blocks = open_blocks.get()
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


# --- functions that run in blocks of their own ----------------------------------------------


class Lane:
    """While a function runs, its own blocks are the open ones; then those from before are.

    Attributes:
        blocks: the function's own, as it left them when it paused.
    """

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self._before: Blocks = ()

    def __enter__(self) -> None:
        self._before = open_blocks.get()
        open_blocks.set(self.blocks)

    def __exit__(self, *_error: object) -> None:
        self.blocks = open_blocks.get()
        open_blocks.set(self._before)


def wrapped(function: Callable[P, R], blocks_of: Callable[[], Blocks]) -> Callable[P, R]:
    """The function, run in blocks of its own; of the same kind as it is.

    Args:
        function: of any kind: plain, coroutine, generator, async generator.
        blocks_of: which blocks, asked anew for each run.
    """
    if inspect.iscoroutinefunction(function):
        return cast("Callable[P, R]", _coroutine(function, blocks_of))
    if inspect.isgeneratorfunction(function):
        return cast("Callable[P, R]", _generator(function, blocks_of))
    if inspect.isasyncgenfunction(function):
        return cast("Callable[P, R]", _async_generator(function, blocks_of))

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with Lane(blocks_of()):
            return function(*args, **kwargs)

    return run


def _coroutine(function: Callable[..., Any], blocks_of: Callable[[], Blocks]) -> Any:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        with Lane(blocks_of()):
            return await function(*args, **kwargs)

    return run


def _generator(function: Callable[..., Any], blocks_of: Callable[[], Blocks]) -> Any:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        lane, generator = Lane(blocks_of()), function(*args, **kwargs)
        step = functools.partial(next, generator)
        while True:
            try:
                with lane:
                    value = step()
            except StopIteration as end:
                return end.value
            try:
                step = functools.partial(generator.send, (yield value))
            except GeneratorExit:
                with lane:
                    generator.close()
                raise
            except BaseException as error:  # noqa: BLE001 - the generator decides what it means
                step = functools.partial(generator.throw, error)

    return run


def _async_generator(function: Callable[..., Any], blocks_of: Callable[[], Blocks]) -> Any:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        lane, generator = Lane(blocks_of()), function(*args, **kwargs)
        step = generator.__anext__
        while True:
            try:
                with lane:
                    value = await step()
            except StopAsyncIteration:
                return
            try:
                step = functools.partial(generator.asend, (yield value))
            except GeneratorExit:
                with lane:
                    await generator.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - the generator decides what it means
                step = functools.partial(generator.athrow, error)

    return run
