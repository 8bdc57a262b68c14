"""Error answers in the provider's own shapes: status, headers, body.

`{"error": {"code", "message", "metadata"?}, "user_id"?}`, with the metadata that each cause has.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ledger import clock
from ledger.sandbox.literals import write

JSON = "application/json"
USER_ID = "user_2sandboxAccountId"
_FLAGGED_CHARACTERS = 100
_STATUSES = range(400, 600)
_HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>cloudflare</body></html>"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an error may mention of the request."""

    model: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error answer, ready to send."""

    status: int
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Shape:
    """How one error looks. `metadata` and `headers` are made for each answer."""

    status: int
    message: str
    metadata: Callable[[Asked], dict[str, Any]] | None = None
    headers: Callable[[], dict[str, str]] | None = None
    user_id: bool = True


def _moderation(asked: Asked) -> dict[str, Any]:
    """The caller's own words come back in `flagged_input`."""
    return {
        "reasons": ["violence"],
        "flagged_input": asked.text[:_FLAGGED_CHARACTERS],
        "provider_name": "Sandbox",
        "model_slug": asked.model,
    }


def _provider(error_type: str, code: str) -> Callable[[Asked], dict[str, Any]]:
    """A provider's error, with what it said in `raw`."""
    return lambda _asked: {
        "raw": f'{{"error":{{"type":"{code}"}}}}',
        "provider_name": "Sandbox",
        "error_type": error_type,
        "provider_code": code,
    }


def _limits() -> dict[str, str]:
    """Headers of OpenRouter's own 429; the reset is in epoch milliseconds."""
    reset = (int(clock.now().timestamp()) // 60 + 1) * 60_000
    return {
        "X-RateLimit-Limit": "20",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset),
    }


def _previous_errors(_asked: Asked) -> dict[str, Any]:
    """Two providers were tried."""
    return {
        "provider_name": "Sandbox",
        "error_type": "provider_unavailable",
        "previous_errors": [{"code": 529, "message": "Overloaded", "provider_name": "Annex"}],
    }


def _routing(_asked: Asked) -> dict[str, Any]:
    """Nobody left to route to."""
    return {"available_providers": ["sandbox"], "requested_providers": ["annex"]}


SHAPES: dict[str, Shape] = {
    "400": Shape(
        400,
        "Provider returned error",
        _provider("invalid_request", "invalid_request_error"),
    ),
    "401": Shape(401, "User not found.", user_id=False),
    "402": Shape(
        402,
        "This request requires more credits, or fewer max_tokens. You requested up to 65536 "
        "tokens, but can only afford 1200.",
    ),
    "403": Shape(403, "Your input was flagged by moderation.", _moderation),
    "403-key-limit": Shape(403, "Key limit exceeded (daily limit)."),
    "403-guardrail": Shape(
        403,
        "Request blocked by a guardrail.",
        lambda _asked: {"patterns": ["email"]},
    ),
    "403-management": Shape(403, "Management keys cannot perform this operation"),
    "404": Shape(404, "No endpoints found matching your data policy."),
    "404-routing": Shape(404, "No allowed providers are available.", _routing),
    "408": Shape(408, "The request timed out."),
    "409": Shape(409, "The request conflicts with another."),
    "413": Shape(413, "The request is too large."),
    "422": Shape(422, "The request could not be processed."),
    "429": Shape(
        429,
        "Rate limit exceeded: free-models-per-min.",
        lambda _asked: {"headers": _limits(), "provider_name": None},
        lambda: {**_limits(), "Retry-After": "7"},
    ),
    "429-provider": Shape(
        429,
        "Provider returned error",
        _provider("rate_limit_exceeded", "rate_limit_error"),
    ),
    "500": Shape(500, "Internal Server Error", user_id=False),
    "502": Shape(502, "Provider returned error", _previous_errors),
    "503": Shape(503, "No provider available", headers=lambda: {"Retry-After": "3"}),
    "504": Shape(504, "Gateway timeout"),
    "524": Shape(524, "The edge gave up waiting", user_id=False),
    "529": Shape(529, "Provider overloaded", _provider("provider_overloaded", "overloaded_error")),
}


def _gateway_page(_asked: Asked) -> Failure:
    """An error page of the edge: HTML."""
    return Failure(502, _HTML_502, content_type="text/html")


def _availability(asked: Asked) -> Failure:
    """The newer availability error: no `code` inside `error`."""
    error = {
        "message": "The model is not available right now",
        "http_status": 503,
        "error_type": "provider_unavailable",
        "availability": {
            "code": "all_providers_unavailable",
            "retryable": True,
            "retry_after": 3,
            "requested_models": [asked.model],
            "fallback_models": [],
        },
    }
    return Failure(503, write({"error": error, "user_id": USER_ID}), {"Retry-After": "3"})


WHOLE: dict[str, Callable[[Asked], Failure]] = {
    "502-html": _gateway_page,
    "503-availability": _availability,
}


def known(name: str) -> bool:
    """Whether there is an error of that name; every error status is one."""
    return name in SHAPES or name in WHOLE or (_is_number(name) and int(name) in _STATUSES)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def make(name: str, asked: Asked, message: str | None = None) -> Failure:
    """The error of that name, for this request.

    Args:
        name: a key of `SHAPES` or `WHOLE`, or an error status.
        asked: what the error may mention.
        message: instead of the usual message.
    """
    whole = WHOLE.get(name)
    if whole is not None:
        return whole(asked)
    shape = SHAPES.get(name) or Shape(int(name), "Provider returned error")
    error: dict[str, Any] = {"message": message or shape.message, "code": shape.status}
    if shape.metadata:
        error["metadata"] = shape.metadata(asked)
    body: dict[str, Any] = {"error": error}
    if shape.user_id:
        body["user_id"] = USER_ID
    return Failure(shape.status, write(body), shape.headers() if shape.headers else {})


def plain(status: int, message: str, headers: dict[str, str] | None = None) -> Failure:
    """An error with nothing but code and message."""
    return Failure(status, write({"error": {"message": message, "code": status}}), headers or {})
