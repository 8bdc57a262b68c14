"""Our own requests and their headers."""

from functools import lru_cache

import httpx

from ledger import __version__
from ledger.calls import decoding

_AGENT = f"openrouter-ledger/{__version__} python-httpx/{httpx.__version__}".encode()
_CONTENT_TYPE = (b"content-type", b"application/json")


def own(key: str, *, has_body: bool = True) -> list[tuple[bytes, bytes]]:
    """What an httpx client would send, with our name and the key.

    Args:
        key: a checked API key.
        has_body: whether a JSON body goes with them.
    """
    headers = [
        (b"accept", b"*/*"),
        (b"accept-encoding", decoding.ACCEPT_ENCODING.encode()),
        (b"connection", b"keep-alive"),
        (b"user-agent", _AGENT),
        (b"authorization", b"Bearer " + key.encode()),
    ]
    return [*headers, _CONTENT_TYPE] if has_body else headers


def post(url: str, key: str, body: bytes, silence_s: float) -> httpx.Request:
    """A POST of a JSON body, made as cheaply as httpx allows: what repeats is made once.

    Args:
        url: where to.
        key: a checked API key.
        body: the JSON.
        silence_s: seconds that a connect, a write or the gap between two bytes may take.
    """
    parsed, common = _template(url, key)
    headers = httpx.Headers(common)
    headers["content-length"] = str(len(body))
    return httpx.Request(
        "POST",
        parsed,
        headers=headers,
        stream=httpx.ByteStream(body),
        extensions={
            "timeout": {
                "connect": silence_s, "read": silence_s, "write": silence_s, "pool": silence_s
            }
        },
    )  # fmt: skip


@lru_cache(maxsize=16)
def _template(url: str, key: str) -> tuple[httpx.URL, httpx.Headers]:
    """A parsed URL, and the headers that every POST to it has."""
    request = httpx.Request("GET", url)
    return request.url, httpx.Headers([(b"host", request.headers["host"].encode()), *own(key)])
