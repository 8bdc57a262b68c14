"""Handlers: functions that may change the messages before each call, in their order."""

import copy
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ledger.errors import RequestInvalid

Context = list[dict[str, Any]]
Handler = Callable[[Context], Context] | Callable[[Context], Awaitable[Context]]


def run(handlers: Sequence[Handler], messages: Context) -> Context:
    """What the handlers make of the messages; they get a copy.

    Raises:
        RequestInvalid: one is async, or does not return the messages.
    """
    context = copy.deepcopy(messages) if handlers else messages
    for handler in handlers:
        found = handler(context)
        if inspect.isawaitable(found):
            if inspect.iscoroutine(found):
                found.close()
            raise RequestInvalid(
                f"The handler {_name(handler)} is async.", hint="Ask with `await talk.aask(...)`."
            )
        context = _checked(handler, found)
    return context


async def arun(handlers: Sequence[Handler], messages: Context) -> Context:
    """The same for tasks, where handlers may be async.

    Raises:
        RequestInvalid: one does not return the messages.
    """
    context = copy.deepcopy(messages) if handlers else messages
    for handler in handlers:
        found = handler(context)
        context = _checked(handler, await found if inspect.isawaitable(found) else found)
    return context


def _checked(handler: Handler, found: object) -> Context:
    if not isinstance(found, list):
        raise RequestInvalid(
            f"The handler {_name(handler)} returned {type(found).__name__}.",
            hint="A handler returns the messages, changed or not: `return context`.",
        )
    return found


def _name(handler: Handler) -> str:
    return getattr(handler, "__qualname__", type(handler).__name__)
