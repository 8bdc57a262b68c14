"""The same stack of one-connection transports for tasks: one stack for each event loop."""

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from ledger import clock
from ledger.calls.deadline import AsyncBackend, Deadline
from ledger.calls.pool import DEADLINE, KEEPALIVE_S, MAX_CONNECTIONS, proxy_for, tls_for

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S)


class _Connection(httpx.AsyncHTTPTransport):
    """A transport of one connection under a deadline of its own."""

    def __init__(self, url: httpx.URL) -> None:
        proxy = proxy_for(url)
        super().__init__(verify=tls_for(url, proxy), proxy=proxy, limits=_ONE)
        self.deadline = Deadline()
        # httpx offers no way to name a network backend; a test proves that this one is used.
        self._pool._network_backend = AsyncBackend(self.deadline)  # noqa: SLF001
        self.idle_since = 0.0


class _Stack:
    """The idle connections of one loop.

    They must be closed before their loop is. Loops end their async generators first, so one
    of those, started here, is how the stack learns of it.
    """

    def __init__(self, max_connections: int) -> None:
        self.idle: deque[_Connection] = deque()
        self.free = asyncio.Semaphore(max_connections)
        self.origin: tuple[str, str, int | None] | None = None
        self._keeper = self._keep()

    async def watch(self) -> None:
        """Begin to wait for the end of the loop."""
        await anext(self._keeper)

    async def close(self) -> None:
        """Close every idle connection."""
        while self.idle:
            await self.idle.pop().aclose()

    async def _keep(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.close()


class AsyncPool(httpx.AsyncBaseTransport):
    """Sends requests, each over a connection that no other task shares meanwhile."""

    def __init__(self, max_connections: int = MAX_CONNECTIONS) -> None:
        self._max = max_connections
        self._stacks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Stack] = (
            weakref.WeakKeyDictionary()
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection comes back when the response is closed.

        Raises:
            httpx.TransportError: as httpx's own transport does.
        """
        ends_at = request.extensions[DEADLINE]
        stack = await self._stack()
        await self._turn(stack, request, ends_at)
        connection = None
        try:
            connection = await self._take(stack, request.url)
            connection.deadline.start(ends_at)
            response = await connection.handle_async_request(request)
        except BaseException:
            stack.free.release()
            if connection is not None:
                request.extensions["ledger.wrote"] = connection.deadline.wrote
                await connection.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Borrowed(response.stream, stack, connection)
        return response

    async def aclose(self) -> None:
        """Close the idle connections of the running loop."""
        stack = self._stacks.get(asyncio.get_running_loop())
        if stack is not None:
            await stack.close()

    async def _stack(self) -> _Stack:
        loop = asyncio.get_running_loop()
        stack = self._stacks.get(loop)
        if stack is None:
            stack = self._stacks[loop] = _Stack(self._max)
            await stack.watch()
        return stack

    async def _turn(self, stack: _Stack, request: httpx.Request, ends_at: float) -> None:
        if not stack.free.locked():
            await stack.free.acquire()
            return
        try:
            async with asyncio.timeout(max(ends_at - clock.monotonic(), 0)):
                await stack.free.acquire()
        except TimeoutError as error:
            message = "no connection became free in time"
            raise httpx.PoolTimeout(message, request=request) from error

    async def _take(self, stack: _Stack, url: httpx.URL) -> _Connection:
        origin = (url.scheme, url.host, url.port)
        if origin != stack.origin:  # another base URL: connections to the old one are useless
            await stack.close()
            stack.origin = origin
        return stack.idle.pop() if stack.idle else _Connection(url)


class _Borrowed(httpx.AsyncByteStream):
    """A response's bytes; closing it gives the connection back."""

    def __init__(
        self, inner: httpx.AsyncByteStream, stack: _Stack, connection: _Connection
    ) -> None:
        self._inner = inner
        self._stack = stack
        self._connection: _Connection | None = connection
        self._whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            yield chunk
        self._whole = True

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        try:
            await self._inner.aclose()
        finally:
            if connection is not None:
                self._stack.free.release()
                await self._keep_or_close(connection)

    async def _keep_or_close(self, connection: _Connection) -> None:
        idle = self._stack.idle
        if not self._whole:
            await connection.aclose()
            return
        connection.idle_since = clock.monotonic()
        idle.append(connection)
        while idle and clock.monotonic() - idle[0].idle_since > KEEPALIVE_S:
            await idle.popleft().aclose()
