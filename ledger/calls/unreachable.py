"""Why OpenRouter could not be reached: the system's own error behind a client's."""

import socket
import ssl
from collections.abc import Iterator

from ledger import errors

Kind = type[errors.ConnectionFailed]

_DEEPEST = 12
_NETWORK = "Check the network, the proxy and the base URL."
_ADVICE: dict[Kind, str] = {
    errors.NameNotResolved: "Check the network's DNS, and the host in the base URL or the proxy.",
    errors.ConnectionRefused: "Nothing listens there: check the base URL and the proxy.",
    errors.ConnectTimedOut: "The host does not answer: check the network, firewall and proxy.",
    errors.TlsFailed: (
        "Check the machine's clock and its CA certificates (SSL_CERT_FILE), and what intercepts "
        "TLS in between; verification cannot be switched off."
    ),
    errors.ProxyFailed: "Check the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or NO_PROXY.",
    errors.NotSent: _NETWORK,
}
# By the name of an exception: clients of two families have classes of their own with equal names.
_BY_NAME: dict[str, Kind] = {
    "ProxyError": errors.ProxyFailed,
    "ConnectTimeout": errors.ConnectTimedOut,
}
_POOL = "All its connections were in use for too long: make fewer calls at once."
_PROTOCOL = f"The base URL is none that can be spoken to. {_NETWORK}"


def why(error: BaseException) -> tuple[Kind, str]:
    """The class of error for a connection that was not made, and what to do about it."""
    behind = list(_chain(error))
    kind = next((found for each in behind if (found := _of_system(each)) is not None), None)
    kind = kind or _BY_NAME.get(type(error).__name__, errors.NotSent)
    if type(error).__name__ == "PoolTimeout":
        return kind, _POOL
    if type(error).__name__ == "UnsupportedProtocol":
        return kind, _PROTOCOL
    return kind, _ADVICE[kind]


def _of_system(error: BaseException) -> Kind | None:
    """The class for an error of the system; None for one that is somebody's wrapping."""
    if isinstance(error, ssl.SSLError):
        return errors.TlsFailed
    if isinstance(error, socket.gaierror | UnicodeError):
        return errors.NameNotResolved
    if isinstance(error, ConnectionRefusedError):
        return errors.ConnectionRefused
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what is behind it, whichever way it was wrapped."""
    waiting: list[BaseException] = [error]
    for _ in range(_DEEPEST):
        if not waiting:
            return
        found = waiting.pop()
        yield found
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions
        behind = found.__cause__ or found.__context__
        if behind is not None:
            waiting.append(behind)
