"""Handing the chain on, where it does not go by itself: threads, pools and child processes.

Tasks of asyncio copy it from whoever makes them. A thread starts with nothing, and a pool's thread
serves many callers, so a function takes its chain along: `pool.map(ledger.carry(work), items)`.
"""

import dataclasses
import functools
import inspect
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar

from ledger.callers import names, tags
from ledger.callers.blocks import VARIABLE, Blocks, members_of, open_blocks, open_tags
from ledger.callers.lanes import Lane, wrapped

P = ParamSpec("P")
R = TypeVar("R")


class Carried(Generic[P, R]):
    """A function with the chain that was open when it was carried. It can be pickled."""

    def __init__(self, function: Callable[P, R], blocks: Blocks) -> None:
        self._function = function
        self._blocks = blocks
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function with its chain open."""
        with Lane(self._blocks):
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pools of processes; who opened a block means nothing there."""
        blocks = tuple(dataclasses.replace(block, owner=None) for block in self._blocks)
        return Carried, (self._function, blocks)


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """The function, taking along the chain that is open now, to whatever thread runs it.

    For anything that can be called: functions, bound methods, partials, coroutine functions.
    `Thread(target=ledger.carry(work))`, `pool.submit(ledger.carry(work), item)`. Many threads may
    run it at once. It can be sent to a pool of processes where the function itself can.
    """
    blocks = open_blocks.get()
    if isinstance(function, Carried):
        return function
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(kind(function) for kind in kinds):
        return wrapped(function, lambda: blocks)
    return Carried(function, blocks)


def child_env(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment for a child process: `subprocess.run(command, env=ledger.child_env())`.

    It hands the open chain down as `LEDGER_CHAIN`, and the tags of the process and of the open
    blocks as `LEDGER_TAGS`, which the child reads once, at its start.
    `os.environ` itself is never written: all threads share it, so a chain in there would be
    another thread's too.

    Args:
        environ: what to start from; this process's environment if not given.

    Raises:
        TagInvalid: this process's own `LEDGER_TAGS` can't be read.
    """
    env = dict(os.environ if environ is None else environ)
    chain = names.ARROW.join(members_of(open_blocks.get()))
    for variable, text in ((VARIABLE, chain), (tags.VARIABLE, tags.unparse(open_tags()))):
        env.pop(variable, None)
        if text:
            env[variable] = text
    return env


def patch_threads() -> Callable[[], None]:
    """Let every new thread, and everything given to a thread pool, carry its chain by itself.

    Returns:
        What undoes it. Where somebody else has patched the same since, theirs is left alone.
    """
    from concurrent.futures import thread as pools

    start = threading.Thread.start
    submit: Any = pools.ThreadPoolExecutor.submit

    @functools.wraps(start)
    def carrying_start(self: threading.Thread) -> None:
        # A pool's own thread serves many callers: what it runs is carried one by one.
        target = getattr(self, "_target", None)
        if open_blocks.get() and target is not getattr(pools, "_worker", None):
            self.run = carry(self.run)  # type: ignore[method-assign]
        start(self)

    @functools.wraps(submit)
    def carrying_submit(
        self: pools.ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        return submit(self, carry(fn), *args, **kwargs)

    def undo() -> None:
        if threading.Thread.start is carrying_start:
            threading.Thread.start = start  # type: ignore[method-assign]
        if pools.ThreadPoolExecutor.submit is carrying_submit:
            pools.ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]

    threading.Thread.start = carrying_start  # type: ignore[method-assign]
    setattr(pools.ThreadPoolExecutor, "submit", carrying_submit)  # noqa: B010 - its type is generic
    return undo
