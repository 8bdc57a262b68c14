"""Who called, in tasks that somebody else makes of a call: an SDK, a gather, a framework.

Inside such a task the frames of whoever asked are gone; what stands above it is the loop, and
above that whoever runs the loop. So while it is switched on, each new task keeps which modules it
was made from. Off, nothing of asyncio is touched.
"""

import functools
import sys
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import Any

_LOOP = "asyncio.events"
_RUN = "_run"


class _Made:
    """Which modules a task was made from, innermost first, and which task that is."""

    __slots__ = ("files", "task")

    def __init__(self, files: tuple[str, ...]) -> None:
        self.files = files
        self.task: Callable[[], object] = lambda: None


_made: ContextVar[_Made | None] = ContextVar("ledger_made_from", default=None)
_switch = threading.Lock()
_count = 0
_patched: tuple[Any, Any] | None = None


def is_loop(frame: FrameType) -> bool:
    """Whether a frame is the event loop running a step of a task: what is above it did not ask."""
    return frame.f_code.co_name == _RUN and frame.f_globals.get("__name__") == _LOOP


def made_from() -> tuple[str, ...]:
    """The files of the modules that the running task was made from; none where nobody knows.

    A thread that works for a task has the task's context, but is not the task.
    """
    made = _made.get()
    if made is None:
        return ()
    asyncio = sys.modules["asyncio"]  # it made the task
    try:
        current = asyncio.current_task()
    except RuntimeError:
        return ()
    return made.files if current is not None and made.task() is current else ()


def remember() -> Callable[[], None]:
    """Let every new task of asyncio's own loops remember what it was made from.

    Returns:
        What undoes it, once everyone who switched it on has called theirs. Where somebody else has
        patched the same since, theirs is left alone.
    """
    global _count, _patched  # noqa: PLW0603 - the one switch of a process
    with _switch:
        _count += 1
        if _patched is None:
            _patched = _patch()
    pending = [True]

    def undo() -> None:
        global _count, _patched  # noqa: PLW0603 - the one switch of a process
        with _switch:
            if not pending:
                return
            pending.clear()
            _count -= 1
            if _count == 0 and _patched is not None and _unpatch(*_patched):
                _patched = None

    return undo


def _patch() -> tuple[Any, Any]:
    from asyncio import BaseEventLoop

    original = BaseEventLoop.create_task

    @functools.wraps(original)
    def create_task(self: BaseEventLoop, coro: Any, **more: Any) -> Any:
        if not _count:
            return original(self, coro, **more)
        made = _Made(_files(sys._getframe(1)))  # noqa: SLF001 - the documented way to a frame
        context = more.get("context") or copy_context()
        context.run(_made.set, made)
        task = original(self, coro, **(more | {"context": context}))
        made.task = weakref.ref(task)
        return task

    BaseEventLoop.create_task = create_task  # type: ignore[method-assign]
    return original, create_task


def _unpatch(original: Any, ours: Any) -> bool:
    """Put asyncio's own back; False where somebody else has patched it since."""
    from asyncio import BaseEventLoop

    if BaseEventLoop.create_task is not ours:
        return False
    BaseEventLoop.create_task = original  # type: ignore[method-assign]
    return True


def _files(frame: FrameType) -> tuple[str, ...]:
    from ledger.callers.detection import modules_above

    return modules_above(frame)
