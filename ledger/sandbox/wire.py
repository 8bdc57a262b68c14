"""One HTTP exchange on the server's side: what came in, and every way to answer or not to."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TRANSPORT = "ledger.sandbox.transport"
JSON = "application/json"


class ClientGone(Exception):
    """The connection ended before its request had come in whole."""


class Transport(Protocol):
    """The part of an asyncio transport that is needed."""

    def close(self) -> None:
        """Send what is buffered, then close."""

    def is_closing(self) -> bool:
        """Whether the connection has ended or is about to."""


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._query: bytes = scope["query_string"]
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.client: tuple[str, int] | None = scope["client"]
        self._transport: Transport = scope["extensions"][TRANSPORT]
        self._receive = receive
        self._send = send

    @property
    def alive(self) -> bool:
        """Whether the caller is still there."""
        return not self._transport.is_closing()

    @property
    def key(self) -> str:
        """The key that was sent, or empty text; Anthropic's clients have a header of their own."""
        given = self.headers.get("authorization")
        if given is None:
            return self.headers.get("x-api-key", "").strip()
        scheme, _, secret = given.partition(" ")
        return secret.strip() if scheme.lower() == "bearer" else ""

    def query(self, name: str) -> str:
        """The first value of a query parameter, or empty text."""
        return parse_qs(self._query.decode("latin-1")).get(name, [""])[0]

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            ClientGone: the connection ended before it.
        """
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers; without a content length the body is chunked."""
        raw = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def part(self, data: bytes) -> None:
        """Send a part of the body, now."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(
        self,
        status: int,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        content_type: str = JSON,
    ) -> None:
        """Send a complete answer."""
        standard = {"content-type": content_type, "content-length": str(len(data))}
        await self.start(status, {**standard, **(headers or {})})
        await self.end(data)

    async def hang_up(self) -> None:
        """Close the connection, whatever is still missing; return once it is closed."""
        self._transport.close()
        while (await self._receive())["type"] != "http.disconnect":
            pass
