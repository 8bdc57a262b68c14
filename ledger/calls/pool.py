"""Connections for our own calls: a stack, last used first.

One shared pool scans all its connections on every request, which costs most of the time when
many calls are in flight. Here each call takes a whole connection and gives it back.
"""

import queue
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import cast

import httpcore
import httpx

from ledger import clock
from ledger.calls import route
from ledger.calls.deadline import Backend, Deadline
from ledger.calls.route import DEADLINE, KEEPALIVE_S, WROTE

MAX_CONNECTIONS = 100


class _Connection:
    """One connection under a deadline of its own."""

    def __init__(self, url: httpx.URL) -> None:
        self.deadline = Deadline()
        self.idle_since = 0.0
        self._inner = self._direct_or_proxied(url, route.proxy_for(url))

    def _direct_or_proxied(
        self, url: httpx.URL, proxy: httpx.Proxy | None
    ) -> httpcore.HTTPConnection | httpcore.ConnectionPool:
        backend = Backend(self.deadline)
        if proxy is None:
            return httpcore.HTTPConnection(
                origin=route.core_url(url).origin,
                ssl_context=route.tls_for(url.raw_scheme),
                keepalive_expiry=KEEPALIVE_S,
                network_backend=backend,
            )
        options = route.proxy_options(proxy)
        if proxy.url.scheme.startswith("socks"):
            return httpcore.SOCKSProxy(**options, network_backend=backend)
        return httpcore.HTTPProxy(
            **options,
            proxy_headers=proxy.headers.raw,
            proxy_ssl_context=proxy.ssl_context,
            network_backend=backend,
        )

    @property
    def is_usable(self) -> bool:
        """Whether another request may go over it; the other side may have closed it."""
        inner = self._inner
        if isinstance(inner, httpcore.ConnectionPool):
            return True  # it opens its one connection anew by itself
        return not inner.has_expired() and not inner.is_closed()

    def send(self, request: httpx.Request) -> httpcore.Response:
        """Send a request and read the response's head.

        Raises:
            httpx.TransportError: as httpx's own transport does.
        """
        try:
            return self._inner.handle_request(route.core_request(request))
        except Exception as error:  # noqa: BLE001 - raised again, under the name that callers know
            route.raise_translated(error, request)

    def close(self) -> None:
        """Close it."""
        self._inner.close()


class Pool(httpx.BaseTransport):
    """Sends requests, each over a connection that no other call shares meanwhile."""

    def __init__(self, max_connections: int = MAX_CONNECTIONS) -> None:
        self._idle: deque[_Connection] = deque()
        # A queue, not a semaphore: a stream that the garbage collector closes gives its place back
        # in whatever thread that runs, also in the middle of this one's waiting for a place.
        self._free: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(max_connections):
            self._free.put(None)
        # Held here while they are lent, so that of a stream that the garbage collector finds,
        # the stream is closed first, and then its connection.
        self._lent: set[_Connection] = set()
        self._origin: tuple[str, str, int | None] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection comes back when the response is closed.

        Raises:
            httpx.TransportError: as httpx's own transport does.
        """
        ends_at = request.extensions[DEADLINE]
        try:
            self._free.get(timeout=max(ends_at - clock.monotonic(), 0))
        except queue.Empty:
            message = "no connection became free in time"
            raise httpx.PoolTimeout(message, request=request) from None
        connection = None
        try:
            connection = self._take(request.url)
            connection.deadline.start(ends_at)
            response = connection.send(request)
            self._lent.add(connection)
        except BaseException:
            self._free.put(None)
            if connection is not None:
                request.extensions[WROTE] = connection.deadline.wrote
                connection.close()
            raise
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Borrowed(response, request, self, connection),
            extensions=response.extensions,
        )

    def give_back(self, connection: _Connection, *, whole: bool) -> None:
        """Keep the connection for the next call, unless an answer is still in it."""
        self._lent.discard(connection)
        if not whole:
            self._free.put(None)
            connection.close()
            return
        now = connection.idle_since = clock.monotonic()
        self._idle.append(connection)
        self._free.put(None)  # not before: who waits is to find this one, not to open another
        with suppress(IndexError):  # another thread may have taken what is looked at
            while now - self._idle[0].idle_since > KEEPALIVE_S:
                self._idle.popleft().close()

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def _take(self, url: httpx.URL) -> _Connection:
        origin = (url.scheme, url.host, url.port)
        if origin != self._origin:  # another base URL: connections to the old one are useless
            self.close()
            self._origin = origin
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.is_usable:
                return connection
            connection.close()
        return _Connection(url)


class _Borrowed(httpx.SyncByteStream):
    """A response's bytes; closing it gives the connection back."""

    def __init__(
        self,
        response: httpcore.Response,
        request: httpx.Request,
        pool: Pool,
        connection: _Connection,
    ) -> None:
        self._response = response
        self._request = request
        self._pool = pool
        self._connection: _Connection | None = connection
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from cast("Iterable[bytes]", self._response.stream)
        except Exception as error:  # noqa: BLE001 - raised again, under the name that callers know
            route.raise_translated(error, self._request)
        self._whole = True

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            self._response.close()
        except BaseException:  # an interrupted close leaves a connection that nobody may use
            self._whole = False
            raise
        finally:
            self._pool.give_back(connection, whole=self._whole)
