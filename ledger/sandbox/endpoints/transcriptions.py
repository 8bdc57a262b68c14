"""POST /audio/transcriptions: sound to text, sent as JSON or as a form. The id is in the header."""

import base64
import binascii
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.endpoints.endpoint import Endpoint, first_message, kept, news, parse_json
from ledger.sandbox.literals import Literal
from ledger.sandbox.plans import Body
from ledger.sandbox.seen import Call

_FILE = "input_audio"
# 16,000 samples of two bytes a second, ten tokens a second.
_BYTES_PER_SECOND = 32_000
_BYTES_PER_TOKEN = 3_200


def _parse(data: bytes, content_type: str) -> Body | None:
    """What was sent; of the sound only its size is kept."""
    if content_type.lower().startswith("multipart/form-data"):
        return _form(data, content_type)
    body = parse_json(data, content_type)
    sound = body.get(_FILE) if body else None
    if body is None or not isinstance(sound, dict):
        return body
    try:
        size = len(base64.b64decode(sound.get("data", "")))
    except (binascii.Error, TypeError):
        return None
    return {**body, _FILE: {"format": sound.get("format"), "bytes": size}}


def _form(data: bytes, content_type: str) -> Body:
    """The fields of a form."""
    from email.parser import BytesParser
    from email.policy import HTTP

    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    body: Body = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + data).iter_parts():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        content = value if isinstance(value, bytes) else b""
        if part.get_filename() is not None:
            body[_FILE] = {"format": part.get_content_type(), "bytes": len(content)}
        else:
            body[str(name).removesuffix("[]")] = content.decode("utf-8", "replace")
    return body


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    return None if isinstance(body.get(_FILE), dict) else "Invalid request: file is required"


def size_of(call: Call) -> int:
    """Bytes of the sound."""
    said: dict[str, Any] = call.messages
    return int(said["bytes"])


def _text(_call: Call) -> str:
    """Sound has no text before it is transcribed."""
    return ""


def _tokens(call: Call, _prompt: str, reply: str) -> tuple[int, int]:
    """Ten tokens a second of sound, and those of the text."""
    return max(1, size_of(call) // _BYTES_PER_TOKEN), costs.tokens_of(reply)


def seconds(call: Call) -> str:
    """Length of the sound in seconds, as a literal."""
    return f"{max(1, size_of(call) * 10 // _BYTES_PER_SECOND)}e-1"


def usage_of(usage: dict[str, Any], length: Literal) -> dict[str, Any]:
    """Usage under this endpoint's names."""
    return {
        **kept(usage, "cost"),
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
        "seconds": length,
        **news(usage),
    }


def _whole(body: Body, call: Call) -> Body:
    """The completion as a transcript."""
    if "error" in body:
        return body
    length = Literal(seconds(call))
    answer: Body = {"text": first_message(body).get("content") or "", **news(body)}
    if call.params.get("response_format") == "verbose_json":
        language = call.params.get("language", "english")
        answer |= {"task": "transcribe", "language": language, "duration": length, "segments": []}
    if "usage" in body:
        answer["usage"] = usage_of(body["usage"], length)
    return answer


ENDPOINT = Endpoint(
    path="/audio/transcriptions",
    name="transcriptions",
    api_type="stt",
    said=_FILE,
    whole=_whole,
    parse=_parse,
    wrong=_wrong,
    text=_text,
    tokens=_tokens,
)
