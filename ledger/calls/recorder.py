"""The one recorder: what a call's bytes mean for the books. It does no input or output.

A transport feeds it: the response's head, the bytes as they pass, and how it ended. It gives the
outcome row, the answer that was read, and the error to raise where there is one.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from ledger import clock, errors
from ledger.books.models import Outcome, Request
from ledger.calls import decoding, endings
from ledger.openrouter import exact, failures
from ledger.openrouter.answers import Answer, parse_answer
from ledger.openrouter.shapes import text_or_none
from ledger.openrouter.usage import Usage

EXCHANGE = "ledger.exchange"
"""The request extension that holds the exchange of a call of our own."""

_OK, _OTHER = 200, 300
_SETTLED = "What it cost is settled from the provider's own record."
_NOT_KNOWN = "It names no generation, so what it cost can't be known: see the provider's activity."
_NO_USAGE = Usage()


class Exchange:
    """One attempt, from its request row to its outcome row.

    Attributes:
        request: the row that is committed before anything is sent.
        answer: what the body says, once it ended well enough to be read.
        failure: the typed error of the attempt, where it failed.
        outcome: the row of its end, once it ended.
        unrecorded: why the outcome could not be booked, where it couldn't.
    """

    def __init__(self, request: Request, caller: str | None, ends_at: float) -> None:
        self.request = request
        self.caller = caller
        self.ends_at = ends_at
        self.answer: Answer | None = None
        self.failure: errors.LedgerError | None = None
        self.outcome: Outcome | None = None
        self.unrecorded: errors.LedgerError | None = None
        self._began = clock.monotonic()
        self._status: int | None = None
        self._headers: Mapping[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    def begin(self) -> None:
        """The request goes out now: latency counts from here."""
        self._began = clock.monotonic()

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """The response's head came."""
        self._status = status
        self._headers = headers

    def feed(self, chunk: bytes) -> None:
        """Bytes of the body passed; a bounded copy is kept."""
        self._size += len(chunk)
        if self._size <= decoding.MAX_BODY:
            self._chunks.append(chunk)

    def end(self, error: BaseException | None) -> bool:
        """The body ended, or broke. Only the first end counts: True where this is it."""
        if self.outcome is not None:
            return False
        if error is None:
            self.finish()
        else:
            self.break_off(error, wrote=True)
        return True

    def finish(self) -> Outcome:
        """The body ended as it should."""
        if self._status is not None and _OK <= self._status < _OTHER:
            self._read_answer()
        else:
            self._read_error()
        status = "failed" if self.failure else "finished"
        return self._end(status)

    def break_off(self, error: BaseException, *, wrote: bool) -> Outcome:
        """The exchange ended with an exception, before or in the middle of the body.

        Args:
            error: what was raised.
            wrote: whether bytes of the request may have left.
        """
        ending = endings.of(error, wrote=wrote, over=clock.monotonic() >= self.ends_at)
        self.failure = (
            ending.error(**self._facts(), http_status=self._status) if ending.error else None
        )
        return self._end(ending.status, sent=ending.sent)

    # --- reading --------------------------------------------------------------------------

    def _body(self) -> bytes:
        if self._size > decoding.MAX_BODY:
            raise decoding.TooLarge(f"the answer has more than {decoding.MAX_BODY} bytes")
        return decoding.decode(b"".join(self._chunks), self._headers.get("content-encoding"))

    def _read_answer(self) -> None:
        try:
            self.answer = answer = parse_answer(self._body())
        except (exact.NotJson, decoding.TooLarge, decoding.NotDecodable) as error:
            self.failure = errors.AnswerInvalid(
                f"OpenRouter's answer could not be read: {error}.",
                hint=_SETTLED if self._generation_id() else _NOT_KNOWN,
                http_status=self._status,
                **self._facts(),
            )
            return
        if answer.error is not None:
            self.failure = failures.error_for(
                self._status or _OK,
                answer.error,
                self._headers,
                partial_text=answer.text or None,
                **self._facts(),
            )
        elif not answer.has_choices:
            self.failure = errors.AnswerInvalid(
                "OpenRouter's answer holds no choices.",
                hint="Try again, or another model.",
                http_status=self._status,
                **self._facts(),
            )

    def _read_error(self) -> None:
        assert self._status is not None
        try:
            body = failures.parse_error_body(self._body())
        except (decoding.TooLarge, decoding.NotDecodable) as error:
            body = failures.ErrorBody(message=str(error))
        self.failure = failures.error_for(self._status, body, self._headers, **self._facts())

    def _facts(self) -> dict[str, Any]:
        return {
            "caller": self.caller,
            "model": self.request.model_asked,
            "request_id": self.request.id,
            "generation_id": self._generation_id(),
        }

    def _generation_id(self) -> str | None:
        """From the body, else from the header, which is there earlier."""
        if self.answer is not None and self.answer.generation_id:
            return self.answer.generation_id
        return text_or_none(self._headers.get("x-generation-id"))

    # --- the row --------------------------------------------------------------------------

    def _end(self, status: str, *, sent: bool = True) -> Outcome:
        answer = self.answer
        usage = (answer.usage if answer else None) or _NO_USAGE
        generation_id = self._generation_id()
        self.outcome = Outcome.booked(
            id=self.request.id,
            ended_at=clock.now(),
            status=status,
            http_status=self._status,
            latency_ms=round((clock.monotonic() - self._began) * 1000),
            generation_id=generation_id,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.total_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            cost_pico=usage.cost_pico,
            upstream_pico=usage.upstream_pico,
            is_byok=usage.is_byok,
            cost_grade=self._grade(usage, generation_id, sent=sent),
            flags=self._flags(usage),
            **_answer_columns(answer),
            **_error_columns(self.failure),
        )
        return self.outcome

    def _grade(self, usage: Usage, generation_id: str | None, *, sent: bool) -> str:
        """What is known of the cost at the border; later figures are views over later rows."""
        if usage.cost_pico is not None:
            return "reported"
        if not sent or (self._status is not None and failures.grade_of(self._status)):
            return "not_charged"
        return "pending" if generation_id else "unknown"

    def _flags(self, usage: Usage) -> str | None:
        flags = usage.flags
        if self.answer is not None and self.answer.usage is None:
            flags = ("usage:missing",)
        return ",".join(flags) or None


def _answer_columns(answer: Answer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    text, omitted = None, None
    if answer.usage_text is not None:
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


def of_request(request: httpx.Request) -> Exchange:
    """The exchange that a request of our own carries."""
    exchange = request.extensions[EXCHANGE]
    assert isinstance(exchange, Exchange)
    return exchange
