"""Connections for our own calls: a stack of one-connection transports, last used first.

One shared pool scans all its connections on every request, which costs most of the time when
many calls are in flight. A transport alone drops what a client adds: proxies and CA settings
from the environment are put back here.
"""

import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from urllib.request import getproxies, proxy_bypass

import httpx

from ledger import clock
from ledger.calls.deadline import Backend, Deadline

MAX_CONNECTIONS = 100
KEEPALIVE_S = 5.0
DEADLINE = "ledger.deadline"
"""The request extension that holds the monotonic time at which a call must end."""

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S)


@cache
def shared_tls() -> ssl.SSLContext:
    """One TLS context for all connections: making one costs 25 ms. Reads SSL_CERT_FILE/DIR."""
    return httpx.create_ssl_context()


@cache
def _no_tls() -> ssl.SSLContext:
    """For plain HTTP to this machine, where no certificate is ever looked at."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def tls_for(url: httpx.URL, proxy: str | None) -> ssl.SSLContext:
    """The context that a connection to this URL needs."""
    return shared_tls() if url.scheme == "https" or proxy else _no_tls()


def proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment names for a URL, unless NO_PROXY exempts its host."""
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or proxy_bypass(url.host):
        return None
    return found if "://" in found else f"http://{found}"


class _Connection(httpx.HTTPTransport):
    """A transport of one connection under a deadline of its own."""

    def __init__(self, url: httpx.URL) -> None:
        proxy = proxy_for(url)
        super().__init__(verify=tls_for(url, proxy), proxy=proxy, limits=_ONE)
        self.deadline = Deadline()
        # httpx offers no way to name a network backend; a test proves that this one is used.
        self._pool._network_backend = Backend(self.deadline)  # noqa: SLF001
        self.idle_since = 0.0


class Pool(httpx.BaseTransport):
    """Sends requests, each over a connection that no other call shares meanwhile."""

    def __init__(self, max_connections: int = MAX_CONNECTIONS) -> None:
        self._idle: deque[_Connection] = deque()
        self._free = threading.BoundedSemaphore(max_connections)
        self._origin: tuple[str, str, int | None] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection comes back when the response is closed.

        Raises:
            httpx.TransportError: as httpx's own transport does.
        """
        ends_at = request.extensions[DEADLINE]
        if not self._free.acquire(timeout=max(ends_at - clock.monotonic(), 0)):
            raise httpx.PoolTimeout("no connection became free in time", request=request)
        connection = None
        try:
            connection = self._take(request.url)
            connection.deadline.start(ends_at)
            response = connection.handle_request(request)
        except BaseException:
            if connection is not None:
                request.extensions["ledger.wrote"] = connection.deadline.wrote
                connection.close()
            self._free.release()
            raise
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Borrowed(response.stream, self, connection)
        return response

    def give_back(self, connection: _Connection, *, whole: bool) -> None:
        """Keep the connection for the next call, unless an answer is still in it."""
        self._free.release()
        if not whole:
            connection.close()
            return
        connection.idle_since = clock.monotonic()
        self._idle.append(connection)
        while self._idle and clock.monotonic() - self._idle[0].idle_since > KEEPALIVE_S:
            with suppress(IndexError):
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
        try:
            return self._idle.pop()
        except IndexError:
            return _Connection(url)


class _Borrowed(httpx.SyncByteStream):
    """A response's bytes; closing it gives the connection back."""

    def __init__(self, inner: httpx.SyncByteStream, pool: Pool, connection: _Connection) -> None:
        self._inner = inner
        self._pool = pool
        self._connection: _Connection | None = connection
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner
        self._whole = True

    def close(self) -> None:
        self._inner.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection, whole=self._whole)
