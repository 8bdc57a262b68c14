"""The endpoints whose calls cost something: one table, told apart by method and path.

    endpoint               its id of the work                 its usage        its stream
    chat/completions       `id`                               `usage`          chunks
    completions            `id`                               `usage`          chunks
    responses              `id`                               `usage`          events
    messages               `id`                               `usage`          events
    embeddings             `id`, often none                   `usage`          -
    rerank                 `id`, often none                   `usage`          -
    images                 -                                  `usage`          events
    audio/transcriptions   -                                  `usage`          -
    audio/speech           -                                  - (raw audio)    -
    videos                 `generation_id`; `id` is the job   `usage`, later   -

Where the body has no id that begins with `gen-`, the header `X-Generation-Id` counts: it is on
every answer, and examples have ids of other makes in the body. Which name of a `usage` fills
which column is said in `ledger.openrouter.usage`. A video is submitted by a POST that is answered
at once; its cost is in the answer to a later GET of the job (`VIDEO_JOB`), which is free itself.

Source: OpenRouter's OpenAPI description and recorded answers.
"""

import re
from dataclasses import dataclass

_PRESET = re.compile(r"/presets/[^/]+(?=/(?:chat/completions|responses|messages)$)")
_JOB = re.compile(r"/videos/(?P<job>[^/]+)")
_NO_JOB = "models"
_OURS = "gen-"


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of work that is paid for, by its own path.

    Attributes:
        name: what the books call it.
        has_id: whether the body's `id` names the work.
        is_raw: whether an answer is the work itself and no JSON.
        known: top-level members of an answer that are known.
    """

    name: str
    known: frozenset[str]
    has_id: bool = True
    is_raw: bool = False


def _known(names: str) -> frozenset[str]:
    return frozenset(names.split())


_COMPLETION = _known(
    "id object created model provider choices usage service_tier system_fingerprint"
    " openrouter_metadata error user_id"
)
_RESPONSE = _known(
    "id object created_at completed_at model provider status output output_text usage error"
    " error_type incomplete_details instructions metadata openrouter_metadata service_tier text"
    " temperature top_p top_k top_logprobs presence_penalty frequency_penalty max_output_tokens"
    " max_tool_calls parallel_tool_calls previous_response_id prompt prompt_cache_key background"
    " reasoning safety_identifier store tool_choice tools truncation user user_id"
)
_MESSAGE = _known(
    "id type role model provider content container context_management stop_details stop_reason"
    " stop_sequence usage openrouter_metadata error request_id user_id"
)
_VECTORS = _known("id object data model provider usage error user_id openrouter_metadata")
_RANKING = _known("id model provider results usage error user_id openrouter_metadata")
_IMAGES = _known("created data model provider usage error user_id openrouter_metadata")
_TRANSCRIPT = _known(
    "text usage duration language segments task words model provider error user_id"
)
_VIDEO = _known("id generation_id polling_url status unsigned_urls usage model error user_id")

CHAT = Service("chat/completions", _COMPLETION)
COMPLETIONS = Service("completions", _COMPLETION)
RESPONSES = Service("responses", _RESPONSE)
MESSAGES = Service("messages", _MESSAGE)
EMBEDDINGS = Service("embeddings", _VECTORS)
RERANK = Service("rerank", _RANKING)
IMAGES = Service("images", _IMAGES, has_id=False)
SPEECH = Service("audio/speech", frozenset(), has_id=False, is_raw=True)
TRANSCRIPTIONS = Service("audio/transcriptions", _TRANSCRIPT, has_id=False)
VIDEOS = Service("videos", _VIDEO, has_id=False)
VIDEO_JOB = Service("videos/job", _VIDEO, has_id=False)

ALL = (
    CHAT,
    COMPLETIONS,
    RESPONSES,
    MESSAGES,
    EMBEDDINGS,
    RERANK,
    IMAGES,
    SPEECH,
    TRANSCRIPTIONS,
    VIDEOS,
)
"""What a POST may ask for."""

_BY_PATH = {f"/{service.name}": service for service in ALL}


def recognise(method: str, path: str) -> Service | None:
    """The service that a request asks for; None for all that costs nothing.

    Args:
        method: in capitals.
        path: below the base URL, such as `/chat/completions`; a preset's own path counts too.
    """
    path = path.rstrip("/")
    if method == "POST":
        return _BY_PATH.get(_PRESET.sub("", path))
    return VIDEO_JOB if method == "GET" and job_of(path) else None


def job_of(path: str) -> str | None:
    """The job's id in the path of a video's status; None in any other."""
    found = _JOB.fullmatch(path.rstrip("/"))
    return found["job"] if found and found["job"] != _NO_JOB else None


def generation_id(in_body: str | None, in_header: str | None) -> str | None:
    """The id of the work, of the two places that may name it."""
    if in_body and (in_header is None or in_body.startswith(_OURS)):
        return in_body
    return in_header or in_body
