"""Keeps a test on this machine: a connection to any other host is refused, loudly."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

Patch = Callable[[object, str, Any], None]
_LOCAL_NAMES = ("", "localhost", "localhost.localdomain")


class HostBlocked(RuntimeError):
    """A test tried to reach another host.

    No `OSError`, so that no client takes it for a network failure and goes on.
    """

    def __init__(self, host: str) -> None:
        super().__init__(
            f"connection to {host!r} blocked: under `ledger_sandbox` only this machine is reached",
        )
        self.host = host


def is_local(host: object) -> bool:
    """Whether a host, by name or number, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def check(connection: socket.socket, address: object) -> None:
    """Let through what stays on this machine.

    Args:
        connection: closed where it is refused, for its owner expects no such error and would
            leave it open.
        address: a socket address: a tuple that begins with the host, or a path of a Unix socket.

    Raises:
        HostBlocked: it leads elsewhere.
    """
    if isinstance(address, tuple) and address and not is_local(address[0]):
        connection.close()
        raise HostBlocked(str(address[0]))


def block(patch: Patch) -> None:
    """Guard every way to a connection, through a function that undoes its patches later.

    Covers blocking sockets, asyncio's loops on selectors and look-ups of names; an address in
    numbers is looked up without the network, and its connection is refused afterwards.
    """
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_local(host) and not _is_number(host):
            raise HostBlocked(host.decode() if isinstance(host, bytes) else str(host))
        return getaddrinfo(host, *args, **kwargs)

    patch(socket.socket, "connect", guarded_connect)
    patch(socket.socket, "connect_ex", guarded_connect_ex)
    patch(socket, "getaddrinfo", guarded_getaddrinfo)


def _is_number(host: object) -> bool:
    """Whether a host is an address already."""
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True
