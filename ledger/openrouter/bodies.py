"""Whole answers of every service, each read by its own shape into an `Answer`.

As with a chat completion, any member may be missing, null or of another type than specified:
then it is None, or empty, here. What is told of an answer beside its id and usage:

    service            finish_reason                             fails with
    chat/completions   choices[0].finish_reason                  error, choices[0].error
    completions        the same                                  the same
    responses          incomplete_details.reason, else status    error; a status of failure
    messages           stop_reason                               error
    videos             status                                    error; a status of failure
    others             -                                         error

`model` and `provider` are members of those names, where there are any.
"""

from collections.abc import Callable
from typing import Any

from ledger.openrouter import billable, exact
from ledger.openrouter.answers import Answer, parse_answer
from ledger.openrouter.billable import Service
from ledger.openrouter.failures import ErrorBody, read_error
from ledger.openrouter.shapes import text_or_none, unknown_fields
from ledger.openrouter.usage import parse_usage

_ENDED_BADLY = frozenset({"failed", "cancelled", "expired"})
_JOB_IS_OVER = _ENDED_BADLY | {"completed"}

Raw = dict[str, Any]


def read(service: Service, body: bytes) -> Answer:
    """Read an answer's body.

    Raises:
        NotJson: it is no JSON object. Whatever else is wrong with it raises nothing.
    """
    if service in (billable.CHAT, billable.COMPLETIONS):
        return parse_answer(body)
    text = exact.decode(body)
    raw = exact.loads(text)
    if not isinstance(raw, dict):
        raise exact.NotJson("JSON, but no object")
    return answer_of(service, raw, None if raw.get("usage") is None else exact.usage_text(text))


def answer_of(service: Service, raw: Raw, usage_text: str | None) -> Answer:
    """What a parsed answer says; of any service but those with choices."""
    get = raw.get
    usage, status = get("usage"), get("status")
    named = get("generation_id" if service in _VIDEOS else "id")
    finish, text = _FINISH.get(service.name), _TEXT.get(service.name)
    return Answer(
        generation_id=text_or_none(named) if service.has_id or service in _VIDEOS else None,
        model=text_or_none(get("model")),
        provider=text_or_none(get("provider")),
        text=text(raw) if text else "",
        finish_reason=text_or_none(finish(raw)) if finish else None,
        service_tier=text_or_none(get("service_tier")),
        usage=None if usage is None else parse_usage(usage),
        usage_text=usage_text,
        unknown=unknown_fields(raw, service.known),
        error=_error(get("error"), status, get("error_type")),
        has_choices=True,
        raw=raw,
    )


def is_over(answer: Answer) -> bool:
    """Whether a video's job has come to its end, good or bad."""
    return answer.finish_reason in _JOB_IS_OVER


def job_id(answer: Answer) -> str | None:
    """The id of a video's job, by which it is asked for."""
    return text_or_none(answer.raw.get("id"))


_VIDEOS = (billable.VIDEOS, billable.VIDEO_JOB)


def _error(error: object, status: object, error_type: object) -> ErrorBody | None:
    """The error at the top; a status that says failure is one too."""
    if not error and (not isinstance(status, str) or status not in _ENDED_BADLY):
        return None
    found = read_error(error) if error else ErrorBody(message=f"its status is {status}")
    found.error_type = found.error_type or text_or_none(error_type)
    return found


def _objects(value: object) -> list[Raw]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _of_response(raw: Raw) -> object:
    details = raw.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return reason or raw.get("status")


def _joined(parts: list[Raw]) -> str:
    texts = (part.get("text") for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def _of_output(raw: Raw) -> str:
    """The text of a response: of its messages' parts, not of its reasoning's."""
    items = (item for item in _objects(raw.get("output")) if item.get("type") == "message")
    return "".join(_joined(_objects(item.get("content"))) for item in items)


def _of_transcript(raw: Raw) -> str:
    text = raw.get("text")
    return text if isinstance(text, str) else ""


_FINISH: dict[str, Callable[[Raw], object]] = {
    "responses": _of_response,
    "messages": lambda raw: raw.get("stop_reason"),
    "videos": lambda raw: raw.get("status"),
    "videos/job": lambda raw: raw.get("status"),
}
_TEXT: dict[str, Callable[[Raw], str]] = {
    "responses": _of_output,
    "messages": lambda raw: _joined(_objects(raw.get("content"))),
    "audio/transcriptions": _of_transcript,
}
