"""The row of an exchange's end, from what was seen of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger import clock, errors
from ledger.books.models import Outcome
from ledger.openrouter import exact, failures
from ledger.openrouter.answers import Answer
from ledger.openrouter.usage import Usage

if TYPE_CHECKING:
    from ledger.books.models import ResponseStart

_OK, _OTHER = 200, 300
_NO_USAGE = Usage()


class Head(NamedTuple):
    """What is known of a response before its body."""

    status: int | None
    headers: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether the status says that an answer follows."""
        return self.status is not None and _OK <= self.status < _OTHER


NO_HEAD = Head(None, {})


@dataclass(frozen=True, slots=True)
class Ended:
    """How an exchange ended.

    Attributes:
        status: the outcome's status.
        sent: whether bytes of the request may have reached the provider.
        has_figures: whether the answer's usage is its last word; a stream that was cut off may
            have said less than it cost.
        flags: what was odd about the body.
    """

    status: str
    sent: bool
    http_status: int | None
    latency_ms: int | None
    generation_id: str | None
    answer: Answer | None
    has_figures: bool
    flags: tuple[str, ...]
    failure: errors.LedgerError | None

    @property
    def usage(self) -> Usage:
        """What the answer says that it used."""
        usage = self.answer.usage if self.answer is not None and self.has_figures else None
        return usage or _NO_USAGE


def start_row(request_id: str, generation_id: str, latency_ms: int) -> "ResponseStart":
    """The row of an answer that has begun, now."""
    from ledger.books.models import ResponseStart

    return ResponseStart.booked(
        id=request_id, at=clock.now(), generation_id=generation_id, latency_ms=latency_ms
    )


def outcome_row(request_id: str, ended: Ended) -> Outcome:
    """The row of an end, now."""
    usage = ended.usage
    return Outcome.booked(
        id=request_id,
        ended_at=clock.now(),
        status=ended.status,
        http_status=ended.http_status,
        latency_ms=ended.latency_ms,
        generation_id=ended.generation_id,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cost_pico=usage.cost_pico,
        upstream_pico=usage.upstream_pico,
        is_byok=usage.is_byok,
        cost_grade=_grade(ended, usage),
        flags=_flags(ended, usage),
        **_answer_columns(ended),
        **_error_columns(ended.failure),
    )


def _grade(ended: Ended, usage: Usage) -> str:
    """What is known of the cost at the border; later figures are views over later rows."""
    if usage.cost_pico is not None:
        return "reported"
    if not ended.sent or (ended.http_status is not None and failures.grade_of(ended.http_status)):
        return "not_charged"
    return "pending" if ended.generation_id else "unknown"


def _flags(ended: Ended, usage: Usage) -> str | None:
    flags = usage.flags
    if ended.answer is not None and usage is _NO_USAGE:
        flags = ("usage:missing",)
    return ",".join((*flags, *ended.flags)) or None


def _answer_columns(ended: Ended) -> dict[str, Any]:
    answer = ended.answer
    if answer is None:
        return {}
    text, omitted = None, None
    if answer.usage_text is not None and ended.has_figures:
        text, omitted = exact.storable_usage(answer.usage_text, answer.raw.get("usage"))
    return {
        "model": answer.model,
        "provider": answer.provider,
        "finish_reason": answer.finish_reason,
        "native_finish_reason": answer.native_finish_reason,
        "service_tier": answer.service_tier,
        "system_fingerprint": answer.system_fingerprint,
        "usage_text": text,
        "usage_omitted": omitted,
        "unknown_fields": answer.unknown,
    }


def _error_columns(failure: errors.LedgerError | None) -> dict[str, Any]:
    if failure is None:
        return {}
    code = failure.error_code if isinstance(failure, errors.ProviderError) else None
    return {
        "error_type": type(failure).__name__,
        "error_code": code,
        "error_message": exact.clean(failure.message),
    }
