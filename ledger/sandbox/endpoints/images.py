"""POST /images: pictures in base64. No id in the body; billed as a whole or not at all."""

from collections.abc import Iterator
from typing import Any

from ledger.sandbox import costs, streams
from ledger.sandbox.endpoints.endpoint import Endpoint, news
from ledger.sandbox.literals import write
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call

# The smallest picture there is: one transparent point.
_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_TOKENS = 1290


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    prompt = body.get("prompt")
    return None if isinstance(prompt, str) and prompt else "Invalid request: prompt is required"


def pictures(call: Call) -> int:
    """How many pictures are asked for."""
    number = call.params.get("n")
    return number if isinstance(number, int) and number > 0 else 1


def _tokens(call: Call, prompt: str, _reply: str) -> tuple[int, int]:
    """A picture is so many tokens."""
    return costs.tokens_of(prompt), pictures(call) * _TOKENS


def usage_of(usage: dict[str, Any]) -> dict[str, Any]:
    """Usage under this endpoint's names."""
    rest = {name: value for name, value in usage.items() if name != "server_tool_use_details"}
    return {
        **rest,
        "server_tool_use": usage.get("server_tool_use_details"),
    }


def _usage(body: Body) -> Body:
    """The usage, where the answer has one."""
    return {"usage": usage_of(body["usage"])} if "usage" in body else {}


def _whole(body: Body, call: Call) -> Body:
    """The completion as pictures."""
    if "error" in body:
        return body
    data = [{"b64_json": _PNG, "media_type": "image/png"}] * pictures(call)
    return {"created": body["created"], "data": data, **_usage(body), **news(body)}


def _events(body: Body, _call: Call, _plan: Plan) -> Iterator[bytes]:
    """A first sketch, then the picture with the usage, then `[DONE]`."""
    error = body.get("error")
    if error:
        yield _event({"type": "error", "error": error})
        return
    picture = {"b64_json": _PNG}
    yield _event({"type": "image_generation.partial_image", "partial_image_index": 0, **picture})
    done = {"created": body["created"], "media_type": "image/png", **_usage(body)}
    yield _event({"type": "image_generation.completed", **picture, **done})
    yield streams.DONE


def _event(value: Body) -> bytes:
    """One event."""
    return b"data: " + write(value) + b"\n\n"


ENDPOINT = Endpoint(
    path="/images",
    name="images",
    api_type="image",
    said="prompt",
    whole=_whole,
    events=_events,
    wrong=_wrong,
    tokens=_tokens,
    pictures=True,
)
