"""What sends the requests of foreign clients: the family's own transports, as its client has them.

A client that is given a transport leaves to it what it would have set up by itself, so proxies
and CA settings from the environment are put back here. One TLS context serves all of a family's.
"""

import ssl
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from ledger.calls import route
from ledger.calls.families import Family, family

if TYPE_CHECKING:
    import httpx

# As many connections as the SDKs' own clients may open.
_MAX_CONNECTIONS, _MAX_IDLE = 1000, 100
_OPTIONS = frozenset({"verify", "cert", "http1", "http2", "limits", "proxy", "trust_env"})


def split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A client's options: those that are its transport's to follow, and those that are its own."""
    own = {name: options[name] for name in options if name in _OPTIONS}
    rest = {name: options[name] for name in options if name not in _OPTIONS or name == "trust_env"}
    return own, rest


def direct(name: str = "httpx", **options: Any) -> "httpx.BaseTransport":
    """A transport of a family that sends as a client of that family would by itself.

    Args:
        name: the family.
        **options: as `split` gives them.
    """
    made: httpx.BaseTransport = family(name).kind(Direct, "BaseTransport")(family(name), options)
    return made


def async_direct(name: str = "httpx", **options: Any) -> "httpx.AsyncBaseTransport":
    """The same for tasks."""
    of = family(name)
    made: httpx.AsyncBaseTransport = of.kind(AsyncDirect, "AsyncBaseTransport")(of, options)
    return made


class _Direct:
    """The transports by scheme and proxy, each made when it is first needed."""

    kind = "HTTPTransport"

    def __init__(self, of: Family, options: dict[str, Any]) -> None:
        module = of.module
        limits = module.Limits(
            max_connections=_MAX_CONNECTIONS, max_keepalive_connections=_MAX_IDLE
        )
        self._family = of
        self._options = {"limits": limits} | options
        self._proxy = self._options.pop("proxy", None)
        self._proxies: dict[tuple[str, str, int | None], str | None] = {}
        self._made: dict[tuple[str, str | None], Any] = {}
        self._making = threading.Lock()

    def _for(self, url: Any) -> Any:
        """The transport that a URL needs."""
        proxy = self._proxy
        if proxy is None and self._options.get("trust_env", True):
            proxy = self._of_environment(url)
        known = self._made.get((url.scheme, proxy))
        if known is not None:
            return known
        with self._making:
            if (url.scheme, proxy) not in self._made:
                self._made[url.scheme, proxy] = self._make(url.scheme, proxy)
            return self._made[url.scheme, proxy]

    def _of_environment(self, url: Any) -> str | None:
        """The proxy that the environment names; looked up once for an origin, as clients do."""
        origin = (url.scheme, url.host, url.port)
        if origin not in self._proxies:
            self._proxies[origin] = route.proxy_url(url)
        return self._proxies[origin]

    def _make(self, scheme: str, proxy: Any) -> Any:
        options = dict(self._options)
        if options.get("verify", True) is True and not options.get("cert"):
            plain = scheme == "http" and proxy is None
            trusts = options.get("trust_env", True)
            options["verify"] = _no_tls() if plain else _tls(self._family.name, trusts)
        return getattr(self._family.module, self.kind)(proxy=proxy, **options)

    def _taken(self) -> list[Any]:
        """All that were made; they are forgotten."""
        with self._making:
            made, self._made = self._made, {}
        return list(made.values())


class Direct(_Direct):
    """Sends as the family's own client does."""

    def handle_request(self, request: "httpx.Request") -> "httpx.Response":
        """Send a request.

        Raises:
            TransportError: as the family's own transport does.
        """
        response: httpx.Response = self._for(request.url).handle_request(request)
        return response

    def close(self) -> None:
        """Close every connection."""
        for transport in self._taken():
            transport.close()


class AsyncDirect(_Direct):
    """Sends as the family's own async client does."""

    kind = "AsyncHTTPTransport"

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Send a request.

        Raises:
            TransportError: as the family's own transport does.
        """
        response: httpx.Response = await self._for(request.url).handle_async_request(request)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._taken():
            await transport.aclose()


@cache
def _tls(name: str, trust_env: bool) -> ssl.SSLContext:  # noqa: FBT001 - a key of the cache
    """A family's own TLS context, made once: that takes 25 ms."""
    context: ssl.SSLContext = family(name).module.create_ssl_context(trust_env=trust_env)
    return context


@cache
def _no_tls() -> ssl.SSLContext:
    """For plain HTTP, where no certificate is ever looked at."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
