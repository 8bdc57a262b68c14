"""From a URL to what a connection needs: the proxy, the TLS context, httpcore's own terms.

A transport alone drops what a client adds, so proxies and CA settings from the environment are
put back here.
"""

import ssl
from functools import cache, lru_cache
from typing import Any, NoReturn
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

KEEPALIVE_S = 5.0
DEADLINE = "ledger.deadline"
"""The request extension that holds the monotonic time at which a call must end."""
WROTE = "ledger.wrote"
"""The request extension that says, after a failure, whether bytes of the request had left."""


@cache
def _shared_tls() -> ssl.SSLContext:
    """One TLS context for all connections: making one costs 25 ms. Reads SSL_CERT_FILE/DIR."""
    return httpx.create_ssl_context()


@cache
def _no_tls() -> ssl.SSLContext:
    """For plain HTTP to this machine, where no certificate is ever looked at."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def tls_for(scheme: bytes) -> ssl.SSLContext:
    """The context that a connection to a URL of this scheme needs."""
    return _shared_tls() if scheme == b"https" else _no_tls()


def proxy_url(url: httpx.URL) -> str | None:
    """The proxy that the environment names for a URL, unless NO_PROXY exempts host or host:port."""
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or proxy_bypass(url.host) or proxy_bypass(url.netloc.decode("ascii")):
        return None
    return found if "://" in found else f"http://{found}"


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The same, as httpx takes it."""
    found = proxy_url(url)
    return None if found is None else httpx.Proxy(found)


def proxy_options(proxy: httpx.Proxy) -> dict[str, Any]:
    """What httpcore's proxy classes take for a proxy."""
    return {
        "proxy_url": httpcore.URL(
            scheme=proxy.url.raw_scheme,
            host=proxy.url.raw_host,
            port=proxy.url.port,
            target=proxy.url.raw_path,
        ),
        "proxy_auth": proxy.raw_auth,
        "ssl_context": _shared_tls(),
        "max_connections": 1,
        "max_keepalive_connections": 1,
        "keepalive_expiry": KEEPALIVE_S,
    }


def core_url(url: httpx.URL) -> httpcore.URL:
    """A URL in httpcore's terms."""
    return _core_url(url.raw_scheme, url.raw_host, url.port, url.raw_path)


@lru_cache(maxsize=16)
def _core_url(scheme: bytes, host: bytes, port: int | None, target: bytes) -> httpcore.URL:
    return httpcore.URL(scheme=scheme, host=host, port=port, target=target)


def core_request(request: httpx.Request) -> httpcore.Request:
    """A request in httpcore's terms."""
    return httpcore.Request(
        method=request.method.encode("ascii"),
        url=core_url(request.url),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def raise_translated(error: Exception, request: httpx.Request) -> NoReturn:
    """Raise httpx's exception of the same name as httpcore's; any other as it is.

    One that quotes what was on the wire, which may be content, is raised without it.
    """
    kind = getattr(httpx, type(error).__name__, None)
    if type(error).__module__.partition(".")[0] != "httpcore" or kind is None:
        raise error
    words, quote, _ = str(error).partition("bytearray(b")
    if not quote:
        words, quote, _ = words.partition("b'")
    if quote:
        raise kind(words.strip(" :("), request=request) from None
    raise kind(words, request=request) from error
