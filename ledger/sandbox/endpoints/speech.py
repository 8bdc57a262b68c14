"""POST /audio/speech: raw sound. The id is in the header only, and no usage anywhere."""

from ledger.sandbox import costs
from ledger.sandbox.endpoints.endpoint import Endpoint, Raw
from ledger.sandbox.plans import Body
from ledger.sandbox.seen import Call

_TYPES = {"mp3": "audio/mpeg", "pcm": "audio/pcm", "wav": "audio/wav"}
# A tenth of a second of silence a character: 24,000 samples of two bytes a second.
_BYTES_PER_CHARACTER = 4800


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    said = body.get("input")
    return None if isinstance(said, str) and said else "Invalid request: input is required"


def _tokens(_call: Call, prompt: str, _reply: str) -> tuple[int, int]:
    """Only what is spoken counts."""
    return costs.tokens_of(prompt), 0


def _whole(body: Body, call: Call) -> Body | Raw:
    """The completion as sound."""
    if "error" in body:
        return body
    kind = _TYPES.get(str(call.params.get("response_format", "pcm")), "audio/pcm")
    return bytes(len(str(call.messages)) * _BYTES_PER_CHARACTER), kind


ENDPOINT = Endpoint(
    path="/audio/speech",
    name="speech",
    api_type="tts",
    said="input",
    whole=_whole,
    wrong=_wrong,
    tokens=_tokens,
)
