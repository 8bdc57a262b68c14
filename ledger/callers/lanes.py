"""Functions that run in blocks of their own, whatever their kind and whoever runs them."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, ParamSpec, TypeVar, cast

from ledger.callers.blocks import Blocks, open_blocks

P = ParamSpec("P")
R = TypeVar("R")


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
