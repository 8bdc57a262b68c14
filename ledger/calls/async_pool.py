"""The same stack of connections for tasks: one stack for each event loop."""

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import cast

import httpcore
import httpx

from ledger import clock
from ledger.calls import route
from ledger.calls.deadline import AsyncBackend, Deadline
from ledger.calls.pool import MAX_CONNECTIONS
from ledger.calls.route import DEADLINE, KEEPALIVE_S, WROTE


class _Connection:
    """One connection under a deadline of its own."""

    def __init__(self, url: httpx.URL) -> None:
        self.deadline = Deadline()
        self.idle_since = 0.0
        self._inner = self._direct_or_proxied(url, route.proxy_for(url))

    def _direct_or_proxied(
        self, url: httpx.URL, proxy: httpx.Proxy | None
    ) -> httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool:
        backend = AsyncBackend(self.deadline)
        if proxy is None:
            return httpcore.AsyncHTTPConnection(
                origin=route.core_url(url).origin,
                ssl_context=route.tls_for(url.raw_scheme),
                keepalive_expiry=KEEPALIVE_S,
                network_backend=backend,
            )
        options = route.proxy_options(proxy)
        if proxy.url.scheme.startswith("socks"):
            return httpcore.AsyncSOCKSProxy(**options, network_backend=backend)
        return httpcore.AsyncHTTPProxy(
            **options,
            proxy_headers=proxy.headers.raw,
            proxy_ssl_context=proxy.ssl_context,
            network_backend=backend,
        )

    @property
    def is_usable(self) -> bool:
        """Whether another request may go over it; the other side may have closed it."""
        inner = self._inner
        if isinstance(inner, httpcore.AsyncConnectionPool):
            return True  # it opens its one connection anew by itself
        return not inner.has_expired() and not inner.is_closed()

    async def send(self, request: httpx.Request) -> httpcore.Response:
        """Send a request and read the response's head.

        Raises:
            httpx.TransportError: as httpx's own transport does.
        """
        try:
            return await self._inner.handle_async_request(route.core_request(request))
        except Exception as error:  # noqa: BLE001 - raised again, under the name that callers know
            route.raise_translated(error, request)

    async def close(self) -> None:
        """Close it."""
        await self._inner.aclose()


class _Stack:
    """The idle connections of one loop.

    They must be closed before their loop is. Loops end their async generators first, so one
    of those, started here, is how the stack learns of it.
    """

    def __init__(self, max_connections: int) -> None:
        self.idle: deque[_Connection] = deque()
        # Held here while they are lent, so that of a stream that the garbage collector finds,
        # the stream is closed first, and then its connection.
        self.lent: set[_Connection] = set()
        self.free = asyncio.Semaphore(max_connections)
        self.origin: tuple[str, str, int | None] | None = None
        self._keeper = self._keep()

    async def watch(self) -> None:
        """Begin to wait for the end of the loop."""
        await anext(self._keeper)

    async def close(self) -> None:
        """Close every idle connection."""
        while self.idle:
            await self.idle.pop().close()

    async def take(self, url: httpx.URL) -> _Connection:
        """An idle connection, last used first, or a new one."""
        origin = (url.scheme, url.host, url.port)
        if origin != self.origin:  # another base URL: connections to the old one are useless
            await self.close()
            self.origin = origin
        while self.idle:
            connection = self.idle.pop()
            if connection.is_usable:
                return connection
            await connection.close()
        return _Connection(url)

    async def give_back(self, connection: _Connection, *, whole: bool) -> None:
        """Keep the connection for the next call, unless an answer is still in it."""
        self.free.release()
        self.lent.discard(connection)
        if not whole:
            await connection.close()
            return
        now = connection.idle_since = clock.monotonic()
        self.idle.append(connection)
        while self.idle and now - self.idle[0].idle_since > KEEPALIVE_S:
            await self.idle.popleft().close()

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
        await _turn(stack, request, ends_at)
        connection = None
        try:
            connection = await stack.take(request.url)
            connection.deadline.start(ends_at)
            response = await connection.send(request)
            stack.lent.add(connection)
        except BaseException:
            stack.free.release()
            if connection is not None:
                request.extensions[WROTE] = connection.deadline.wrote
                await connection.close()
            raise
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Borrowed(response, request, stack, connection),
            extensions=response.extensions,
        )

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


async def _turn(stack: _Stack, request: httpx.Request, ends_at: float) -> None:
    """Wait for a free connection, within the call's time."""
    if not stack.free.locked():
        await stack.free.acquire()
        return
    try:
        async with asyncio.timeout(max(ends_at - clock.monotonic(), 0)):
            await stack.free.acquire()
    except TimeoutError as error:
        message = "no connection became free in time"
        raise httpx.PoolTimeout(message, request=request) from error


class _Borrowed(httpx.AsyncByteStream):
    """A response's bytes; closing it gives the connection back."""

    def __init__(
        self,
        response: httpcore.Response,
        request: httpx.Request,
        stack: _Stack,
        connection: _Connection,
    ) -> None:
        self._response = response
        self._request = request
        self._stack = stack
        self._connection: _Connection | None = connection
        self._whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in cast("AsyncIterable[bytes]", self._response.stream):
                yield chunk
        except Exception as error:  # noqa: BLE001 - raised again, under the name that callers know
            route.raise_translated(error, self._request)
        self._whole = True

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await self._response.aclose()
        except BaseException:  # an interrupted close leaves a connection that nobody may use
            self._whole = False
            raise
        finally:
            await self._stack.give_back(connection, whole=self._whole)
