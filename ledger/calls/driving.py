"""The two drivers of a flow: they perform its steps, and give back what came of each."""

from collections.abc import Generator
from typing import Any, TypeVar

import httpx

from ledger.books.unit import Work
from ledger.books.writer import Writer

T = TypeVar("T")

Steps = Generator[Work | httpx.Request, Any, T]


def run(flow: Steps[T], writer: Writer, transport: httpx.BaseTransport) -> T:
    """Drive a flow in this thread."""
    result: Any = None
    try:
        step = next(flow)
        while True:
            try:
                result = _perform(step, writer, transport)
            except BaseException as error:  # noqa: BLE001 - the flow decides what it means
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _perform(step: Work | httpx.Request, writer: Writer, transport: httpx.BaseTransport) -> Any:
    if not isinstance(step, httpx.Request):
        return writer.write(step)
    response = transport.handle_request(step)
    try:
        assert isinstance(response.stream, httpx.SyncByteStream)
        for _ in response.stream:
            pass
    finally:
        response.stream.close()  # type: ignore[union-attr]
    return None


async def arun(flow: Steps[T], writer: Writer, transport: httpx.AsyncBaseTransport) -> T:
    """Drive a flow in a task."""
    result: Any = None
    try:
        step = next(flow)
        while True:
            try:
                result = await _aperform(step, writer, transport)
            except BaseException as error:  # noqa: BLE001 - the flow decides what it means
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def _aperform(
    step: Work | httpx.Request, writer: Writer, transport: httpx.AsyncBaseTransport
) -> Any:
    if not isinstance(step, httpx.Request):
        return await writer.awrite(step)
    response = await transport.handle_async_request(step)
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for _ in response.stream:
            pass
    finally:
        await response.stream.aclose()  # type: ignore[union-attr]
    return None
