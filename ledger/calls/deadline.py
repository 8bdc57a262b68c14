"""The network under a call: a total deadline for every step, and one write for one request.

Timeouts of an HTTP client are per read, so a server that drips a byte at a time holds a
1-second timeout open for as long as it likes. Here the network layer itself knows the end.
A client also writes a request's head and body apart; here they leave together, which saves a
system call, and often a packet and a wake-up of the other side.
"""

import math
import re
import socket
import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import Any

import httpcore

from ledger import clock

_FLUSH_AT = 64 * 1024
_ADDRESS = re.compile(r"[0-9.]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.%]*")


class Deadline:
    """When the current call of one connection must end, and whether bytes of it have left."""

    def __init__(self) -> None:
        self.at = math.inf
        self.wrote = False

    def start(self, at: float) -> None:
        """A new call: it ends at this monotonic time."""
        self.at = at
        self.wrote = False

    def left(self, timeout: float | None, error: type[Exception]) -> float | None:
        """The shorter of the step's own timeout and the time left.

        Raises:
            error: no time is left.
        """
        if self.at == math.inf:
            return timeout
        left = self.at - clock.monotonic()
        if left <= 0:
            raise error("the call's total time is over")
        return left if timeout is None else min(timeout, left)


def addresses(host: str, port: int, within: float | None = None) -> list[str]:
    """The host's addresses, each of which gets only the time left when it's tried.

    Args:
        host: a name, or an address.
        port: where to.
        within: seconds that the look-up may take. The system's has no limit of its own, so it
            is made in a thread, which is left behind where it takes longer; None makes it here.

    Raises:
        httpcore.ConnectError: the name can't be resolved.
        httpcore.ConnectTimeout: it is not resolved in time.
    """
    if within is None or _ADDRESS.fullmatch(host):
        return _resolved(host, port)
    answer: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(_resolved(host, port))
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits for it
            answer.put(error)

    try:
        threading.Thread(target=look_up, name="ledger-name", daemon=True).start()
    except RuntimeError:  # no thread starts while the interpreter ends
        return _resolved(host, port)
    try:
        found = answer.get(timeout=within)
    except Empty:
        raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from None
    if isinstance(found, Exception):
        raise found
    return found


def _resolved(host: str, port: int) -> list[str]:
    """The system's own look-up of a name.

    Raises:
        httpcore.ConnectError: the name can't be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Stream(httpcore.NetworkStream):
    """A connection whose every step is bounded by the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline
        self._waiting = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._waiting:
            self._flush(timeout)
        return self._inner.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._waiting += buffer
        if len(self._waiting) >= _FLUSH_AT:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        left = self._deadline.left(timeout, httpcore.WriteTimeout)
        waiting, self._waiting = self._waiting, b""
        self._deadline.wrote = True
        self._inner.write(waiting, left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """httpcore's own sync network, under a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers in the time left."""
        last: Exception = httpcore.ConnectError(f"{host} has no address")
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        for address in addresses(host, port, left):
            left = self._deadline.left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _Stream(stream, self._deadline)
        raise last

    def sleep(self, seconds: float) -> None:
        """Wait, between httpcore's own tries to connect."""
        self._inner.sleep(seconds)


class _AsyncStream(httpcore.AsyncNetworkStream):
    """A connection whose every step is bounded by the deadline."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline
        self._waiting = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        if self._waiting:
            await self._flush(timeout)
        left = self._deadline.left(timeout, httpcore.ReadTimeout)
        return await self._inner.read(max_bytes, left)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        self._waiting += buffer
        if len(self._waiting) >= _FLUSH_AT:
            await self._flush(timeout)

    async def _flush(self, timeout: float | None) -> None:  # noqa: ASYNC109 - as its callers
        left = self._deadline.left(timeout, httpcore.WriteTimeout)
        waiting, self._waiting = self._waiting, b""
        self._deadline.wrote = True
        await self._inner.write(waiting, left)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = await self._inner.start_tls(ssl_context, server_hostname, left)
        return _AsyncStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """httpcore's own async network, under a deadline. Names are resolved within it too."""

    def __init__(self, deadline: Deadline) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._deadline = deadline

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect in the time left."""
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = await self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _AsyncStream(stream, self._deadline)

    async def sleep(self, seconds: float) -> None:
        """Wait, between httpcore's own tries to connect."""
        await self._inner.sleep(seconds)
