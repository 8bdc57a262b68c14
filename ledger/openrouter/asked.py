"""What a request of foreign making asks for: the model, and whether it is to be a stream.

Read from a body of JSON or of multipart parts, with a bound: nobody waits for a ledger that reads
a film to find the name of a model.
"""

import re
from dataclasses import dataclass

from ledger.openrouter import exact
from ledger.openrouter.shapes import text_or_none

MAX_BODY = 32 * 1024 * 1024
"""Longer requests are not read: what they ask for stays unknown."""

_BOUNDARY = re.compile(r'multipart/form-data;.*\bboundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(
    rb'content-disposition:[^\r\n]*;\s*name="?(model|stream)"?\s*(?:;|\r|$)', re.IGNORECASE
)
_MAX_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, where it says so.

    Attributes:
        model: the model; of a list of fallbacks, where no other is named, the first.
        streamed: whether the answer is to come as a stream.
    """

    model: str | None = None
    streamed: bool | None = None


def read(content_type: str | None, body: bytes) -> Asked:
    """Read a request's body, whatever it is; nothing is raised.

    Args:
        content_type: of the request.
        body: all of it.
    """
    if len(body) > MAX_BODY:
        return Asked()
    parts = _BOUNDARY.search(content_type or "")
    if parts is not None:
        return _of_parts(body, b"--" + parts[1].strip().encode("latin-1", "replace"))
    try:
        raw = exact.loads(body)
    except exact.NotJson:
        return Asked()
    return _of_object(raw) if isinstance(raw, dict) else Asked()


def _of_object(raw: dict[str, object]) -> Asked:
    model, models = raw.get("model"), raw.get("models")
    if model is None and isinstance(models, list) and models:
        model = models[0]
    return Asked(text_or_none(model), raw.get("stream") is True)


def _of_parts(body: bytes, border: bytes) -> Asked:
    """The parts named `model` and `stream`, without a look into any other."""
    found: dict[bytes, str] = {}
    start = body.find(border)
    while start >= 0:
        end = body.find(b"\r\n" + border, start)
        head, blank, _ = body[start : min(end, start + _MAX_HEAD)].partition(b"\r\n\r\n")
        name = _NAME.search(head) if blank and end > start else None
        if name is not None:
            value = body[start + len(head) + len(blank) : end]
            found[name[1].lower()] = value[:_MAX_HEAD].decode("utf-8", "replace").strip()
        start = end + 2 if end >= 0 else -1
    return Asked(text_or_none(found.get(b"model")), found.get(b"stream") == "true")
