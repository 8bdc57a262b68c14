"""POST /embeddings: vectors, and usage without a completion. Ids are `gen-emb-...`."""

import base64
import hashlib
import struct
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.endpoints.endpoint import Endpoint, kept, news
from ledger.sandbox.plans import Body
from ledger.sandbox.seen import Call

_DIMENSIONS = 8
_HALF = 2**31


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    return None if body.get("input") else "Invalid request: input is required"


def inputs(said: Any) -> list[Any]:
    """What is to be embedded, one by one: text, a list of texts, of tokens, or of such lists."""
    if not isinstance(said, list) or all(isinstance(item, int) for item in said):
        return [said]
    return said


def _tokens(call: Call, prompt: str, _reply: str) -> tuple[int, int]:
    """Tokens that were sent as such count as they are; nothing is completed."""
    numbers = [item for item in inputs(call.messages) if isinstance(item, list)]
    return sum(len(item) for item in numbers) or costs.tokens_of(prompt), 0


def _vector(said: Any, dimensions: int) -> list[float]:
    """A vector that depends on nothing but what was said: numbers from -1 to 1."""
    seed = hashlib.shake_256(repr(said).encode("utf-8", "surrogatepass"))
    numbers = struct.unpack(f"<{dimensions}I", seed.digest(4 * dimensions))
    return [(number - _HALF) / _HALF for number in numbers]


def _written(vector: list[float], encoding: object) -> list[float] | str:
    """The vector as it was asked for: numbers, or their little-endian bytes in base64."""
    if encoding != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def usage_of(usage: dict[str, Any]) -> dict[str, Any]:
    """Usage as this endpoint shows it."""
    return {
        **kept(usage, "prompt_tokens", "total_tokens", "cost", "is_byok", "cost_details"),
        **news(usage),
    }


def _whole(body: Body, call: Call) -> Body:
    """The completion as a list of vectors."""
    if "error" in body:
        return body
    dimensions = call.params.get("dimensions")
    size = dimensions if isinstance(dimensions, int) and dimensions > 0 else _DIMENSIONS
    encoding = call.params.get("encoding_format")
    data = [
        {"object": "embedding", "embedding": _written(_vector(said, size), encoding), "index": at}
        for at, said in enumerate(inputs(call.messages))
    ]
    answer = {"object": "list", "data": data, **kept(body, "model", "id", "provider"), **news(body)}
    if "usage" in body:
        answer["usage"] = usage_of(body["usage"])
    return answer


ENDPOINT = Endpoint(
    path="/embeddings",
    name="embeddings",
    api_type="embeddings",
    said="input",
    whole=_whole,
    id_kind="emb-",
    wrong=_wrong,
    tokens=_tokens,
)
