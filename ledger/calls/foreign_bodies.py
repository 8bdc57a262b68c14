"""What can be told of a request of foreign making: its body, and what its row says of it."""

from typing import TYPE_CHECKING, Any

from ledger.openrouter import asked, keys
from ledger.openrouter.asked import Asked

if TYPE_CHECKING:
    import httpx

_BEARER = "bearer "


def body(request: "httpx.Request") -> bytes:
    """A request's body, where it is there, may be read twice, and isn't too long; else nothing."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > len(str(asked.MAX_BODY)):
        return b""
    if int(length) > asked.MAX_BODY or not hasattr(request.stream, "__iter__"):
        return b""
    return request.read()


def facts(request: "httpx.Request", what: Asked) -> dict[str, Any]:
    """What a request's row says of the request itself."""
    return {
        "model_asked": what.model,
        "streamed": what.streamed,
        "key_hash": _key_hash(request),
    }


def _key_hash(request: "httpx.Request") -> str | None:
    """The hash of the key that a request brings, in either of the places that there are."""
    given = request.headers.get("authorization", "")
    is_bearer = given.lower().startswith(_BEARER)
    key = given[len(_BEARER) :] if is_bearer else request.headers.get("x-api-key", "")
    return keys.key_hash(key.strip()) if key.strip() else None
