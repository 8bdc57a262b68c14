"""What the provider says when it fails, and which error of ours that is.

Sources: OpenRouter's error bodies as recorded and specified, in their old shape
(`metadata.raw`), their new one (`metadata.error_type`) and that of availability errors, which
have `http_status` and no `code`. A request that fails before generation has its code as HTTP
status; one that fails later is an HTTP 200 with an error inside.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ledger import errors
from ledger.openrouter import echoes, exact
from ledger.openrouter.causes import Said, kind_of
from ledger.openrouter.hints import hint_for
from ledger.openrouter.shapes import redact, text_or_none
from ledger.openrouter.waits import reset_of, seconds_to_wait

MESSAGE_LIMIT = 2000
NOT_CHARGED = frozenset({400, 401, 402, 403, 404, 413, 422, 429})

_STATUS = re.compile(r"[45]\d\d")
_METADATA_DEPTH = 5
_METADATA_ITEMS = 200
_METADATA_TEXT = 500
# The prompt, the upstream's raw answer, and the account: none of them may be kept.
_PRIVATE = frozenset({"flagged_input", "raw", "user_id", "authorization", "api_key"})


@dataclass(slots=True)
class ErrorBody:
    """An error as the provider put it, without content, secrets and account ids.

    Attributes:
        code: the provider's code, or else its `http_status`, as text.
        message: what it says, at most 2,000 characters.
        error_type: its stable `error_type`, where it gave one.
        metadata: what else it says, bounded; `availability` is in it where there is one.
        retryable: whether it says that another try may work.
        retry_after_s: whole seconds that the body asks to wait.
        is_own: whether it has OpenRouter's own form; a page of a proxy or of the edge has not.
    """

    code: str | None = None
    message: str = ""
    error_type: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    retryable: bool | None = None
    retry_after_s: int | None = None
    is_own: bool = True


def grade_of(status: int) -> str | None:
    """`not_charged` for the statuses that come before any generation, else None."""
    return "not_charged" if status in NOT_CHARGED else None


def parse_error_body(body: bytes) -> ErrorBody:
    """Read the body of an error answer, whatever it is; nothing is raised."""
    try:
        parsed = exact.loads(body)
    except exact.NotJson:
        return ErrorBody(message=_no_json(body), is_own=False)
    if not isinstance(parsed, dict):
        return ErrorBody(message="an answer that is JSON, but no object", is_own=False)
    if parsed.get("error") is not None:
        error = read_error(parsed["error"])
        error.error_type = error.error_type or text_or_none(parsed.get("error_type"))
        return error
    return read_error(parsed)


def read_error(value: object) -> ErrorBody:
    """Read a parsed `error` member of any shape; nothing is raised."""
    if not isinstance(value, dict):
        return ErrorBody(message=_message(value))
    metadata = value.get("metadata")
    kept: dict[str, Any] = _bounded_object(metadata) if isinstance(metadata, dict) else {}
    error_type = text_or_none(value.get("error_type")) or text_or_none(kept.get("error_type"))
    availability = value.get("availability")
    if not isinstance(availability, dict):
        availability = {}
    else:
        kept["availability"] = _bounded_object(availability)
    retryable = availability.get("retryable")
    return ErrorBody(
        code=_code(value.get("code")) or _code(value.get("http_status")),
        message=_message(value.get("message")),
        error_type=error_type,
        metadata=kept,
        retryable=retryable if isinstance(retryable, bool) else None,
        retry_after_s=_first_wait(availability, metadata),
    )


def error_for(
    status: int,
    body: ErrorBody,
    headers: Mapping[str, str],
    private: Sequence[str] = (),
    **facts: Any,
) -> errors.ProviderError:
    """The error to raise for an answer.

    Args:
        status: the HTTP status; 200 where the error came inside an answer.
        body: what `parse_error_body`, or an answer's `error`, gave.
        headers: the answer's headers.
        private: texts of the call, of which the error may repeat nothing.
        **facts: `caller`, `model`, `request_id`, `generation_id`, `reply`, `partial_text`.
    """
    said = Said(
        status,
        body.message.lower(),
        body.error_type or "",
        body.metadata,
        headers,
        facts.get("model"),
        body.is_own,
    )
    kind = kind_of(said)
    if kind is errors.AnswerFailed:
        said = replace(said, status=_inner_status(body, status))
    wait = seconds_to_wait(headers, body.metadata)
    return kind(
        f"OpenRouter answered {status}: {echoes.cut(body.message, private)}",
        hint=hint_for(kind, said),
        http_status=status,
        retry_after_s=body.retry_after_s if wait is None else wait,
        error_code=body.code,
        error_type=body.error_type,
        metadata=echoes.cut_all(body.metadata, private),
        retryable=body.retryable,
        resets_at=reset_of(headers, body.metadata),
        **facts,
    )


def _inner_status(body: ErrorBody, status: int) -> int:
    """The status that an error inside an answer would have had as an answer of its own."""
    code = body.code or ""
    return int(code) if _STATUS.fullmatch(code) else status


def _no_json(body: bytes) -> str:
    """What a body that is no JSON is, without showing any of it: HTML may echo a request."""
    start = body.lstrip()
    if not start:
        return "an empty answer"
    what = "HTML" if start.startswith(b"<") else "no JSON"
    return f"an answer that is {what}, {len(body)} bytes"


def _message(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "an error without a message"
    # Cut twice: redacting must not run over megabytes, nor see half a key at the final bound.
    return redact(exact.clean(value[: 2 * MESSAGE_LIMIT])).strip()[:MESSAGE_LIMIT]


def _code(value: object) -> str | None:
    """A code as text; it is an integer, but also a text in streams."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)[:64]
    text = text_or_none(value, 64)
    return redact(text) if text else None


def _first_wait(availability: dict[str, Any], metadata: object) -> int | None:
    """Whole seconds that the body asks to wait, in either of the places it may say so."""
    for source in (availability, metadata):
        if isinstance(source, dict):
            for name in ("retry_after", "retry_after_seconds"):
                wait = seconds_to_wait({"Retry-After": str(source.get(name, ""))}, {})
                if wait is not None:
                    return wait
    return None


def _bounded_object(value: dict[str, Any]) -> dict[str, Any]:
    return dict(_bounded_members(value, 0, [_METADATA_ITEMS]))


def _bounded_members(value: dict[str, Any], depth: int, left: list[int]) -> dict[str, Any]:
    """The members that may be kept, while the count of what may be kept lasts."""
    kept: dict[str, Any] = {}
    for name, member in value.items():
        if left[0] <= 0:
            break
        if name.lower() not in _PRIVATE:
            left[0] -= 1
            kept[redact(exact.clean(name[:64]))] = _bounded(member, depth + 1, left)
    return kept


def _bounded(value: Any, depth: int, left: list[int]) -> Any:
    """A parsed value, cut in depth, number and length; odd numbers become their text."""
    if isinstance(value, str):
        return redact(exact.clean(value[: 2 * _METADATA_TEXT]))[:_METADATA_TEXT]
    if isinstance(value, Decimal):
        return value if value.is_finite() and abs(value.adjusted()) <= 30 else "[number]"  # noqa: PLR2004 - no code, time or price is as large or small
    if isinstance(value, dict | list) and depth >= _METADATA_DEPTH:
        return "[deeper]"
    if isinstance(value, dict):
        return _bounded_members(value, depth, left)
    if isinstance(value, list):
        kept = []
        for item in value:
            if left[0] <= 0:
                break
            left[0] -= 1
            kept.append(_bounded(item, depth + 1, left))
        return kept
    return value
