"""The one recorder: what a call's bytes mean for the books. It does no input or output.

A transport feeds it: the response's head, the bytes as they pass, and how it ended. It gives the
outcome row, the answer that was read, and the error to raise where there is one.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ledger import clock, errors
from ledger.books.models import Outcome, Request
from ledger.books.unit import Work
from ledger.calls import decoding, endings
from ledger.calls.bodies import Body, WholeBody, body_for
from ledger.calls.outcomes import NO_HEAD, Ended, Head, outcome_row, start_row
from ledger.limits.claims import Claim, Ending
from ledger.openrouter import billable, echoes, exact, failures
from ledger.openrouter.answers import Answer
from ledger.openrouter.reading import CHAT_COMPLETIONS, Endpoint
from ledger.openrouter.shapes import text_or_none

if TYPE_CHECKING:
    from ledger.books.models import ResponseStart

EXCHANGE = "ledger.exchange"
"""The request extension that holds the exchange of a call of our own."""

_OK = 200
_SETTLED = "What it cost is settled from the provider's own record."
_NOT_KNOWN = "It names no generation, so what it cost can't be known: see the provider's activity."


class Exchange:
    """One attempt, from its request row to its outcome row.

    Args:
        request: the row that is committed before anything is sent.
        caller: who asked, for errors and log lines; None where nobody can say.
        ends_at: the monotonic time at which the call must end.
        endpoint: how its answer is read.
        is_own: a call of our own, whose reader must have the answer; else one of a foreign SDK,
            whose bytes only pass.

    Attributes:
        work: what is committed before the request is sent: its row, and what belongs to it.
        claim: what it takes of the budgets.
        answer: what the body says, once it ended well enough to be read.
        failure: the typed error of the attempt, where it failed.
        outcome: the row of its end, once it ended.
        ending: what is committed once it ended: mostly that row.
        after: told when that is done, or owed.
        unrecorded: why the outcome could not be booked, where it couldn't.
        sent: the request's body, of which an error may repeat nothing.
        awaits_start: whether `take_start` may still have a row.
        is_over: whether it has ended.
    """

    def __init__(
        self,
        request: Request,
        caller: str | None,
        ends_at: float,
        *,
        endpoint: Endpoint = CHAT_COMPLETIONS,
        is_own: bool = True,
    ) -> None:
        self.request = request
        self.caller = caller
        self.ends_at = ends_at
        self.endpoint = endpoint
        self.is_own = is_own
        self.work: tuple[Work, ...] = (request,)
        self.claim: Claim | None = None
        self.answer: Answer | None = None
        self.failure: errors.LedgerError | None = None
        self.outcome: Outcome | None = None
        self.ending: Work | None = None
        self.after: Callable[[Exchange], None] | None = None
        self.unrecorded: errors.LedgerError | None = None
        self.sent = b""
        self.awaits_start = False
        self._began = clock.monotonic()
        self._process = os.getpid()
        self._head = NO_HEAD
        self._body: Body | None = None
        self._flags: tuple[str, ...] = ()
        self.is_over = False

    def begin(self) -> None:
        """The request goes out now: latency counts from here."""
        self._began = clock.monotonic()

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """The response's head came."""
        self._head = Head(status, headers)
        if self.is_good:
            self._body = body_for(self.endpoint, headers, keep_texts=self.is_own)
            self.awaits_start = True
        else:
            self._body = WholeBody(self.endpoint, headers)

    def feed(self, chunk: bytes) -> None:
        """Bytes of the body passed."""
        assert self._body is not None
        self._body.feed(chunk)

    def take_start(self) -> "ResponseStart | None":
        """The row of an answer that will take its time, once its generation is known."""
        assert self._body is not None
        begun, generation_id = self._body.has_begun, self.generation_id
        if begun is None or (generation_id is None and self.is_stream):
            return None
        self.awaits_start = False
        if not begun or generation_id is None:
            return None
        return start_row(self.request.id, generation_id, self._latency_ms)

    def end(self, error: BaseException | None) -> bool:
        """The body ended, or broke. Only the first end counts: True where this is it.

        An end that comes when everything is here, such as a reader's who stops at the end mark,
        is as good as any; of an error answer the status says enough. In a forked child nothing has
        ended: the exchange is its parent's.
        """
        if self.is_over or self._process != os.getpid():
            return False
        if self._body is not None:
            self._body.end()
        if error is None or not self.is_good or (self._body is not None and self._body.is_complete):
            self.finish()
        else:
            self.break_off(error, wrote=True)
        return True

    def finish(self) -> None:
        """The body ended as it should."""
        if not self.is_good:
            self._read_error()
        else:
            self._read_answer()
            if self.failure is None and self.is_stream and not self._is_whole:
                said = "The stream ended before its usage and its end mark."
                self.failure = errors.ConnectionLost(said, hint=endings.SETTLE, **self._facts())
                self._end("interrupted")
                return
            if self.failure is None and self.answer is not None and not self.answer.has_choices:
                said, hint = "OpenRouter's answer holds no choices.", "Try again, or another model."
                self.failure = self._invalid(said, hint)
        self._end("failed" if self.failure else "finished")

    def break_off(self, error: BaseException, *, wrote: bool) -> None:
        """The exchange ended with an exception, before or in the middle of the body.

        Args:
            error: what was raised.
            wrote: whether bytes of the request may have left.
        """
        if self.is_stream:
            self._read_answer()
            if self.failure is not None:  # it had failed before it broke
                self._end("failed")
                return
            if self._is_read and not isinstance(error, Exception):
                self._end("finished")
                return
        ending = endings.of(error, wrote=wrote, over=clock.monotonic() >= self.ends_at)
        if ending.error is not None:
            self.failure = ending.error(**self._facts(), http_status=self._head.status)
        self._end(ending.status, sent=ending.sent)

    @property
    def is_answered(self) -> bool:
        """Whether it has ended with an answer, and without a failure."""
        return self.is_over and self.answer is not None and self.failure is None

    @property
    def is_cancelled(self) -> bool:
        """Whether its reader left it."""
        return self.outcome is not None and self.outcome.status == "cancelled"

    @property
    def is_good(self) -> bool:
        """Whether the status says that an answer follows."""
        return self._head.is_good

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream of events."""
        return self._body is not None and self._body.is_stream

    @property
    def texts(self) -> deque[str]:
        """The pieces of a stream's text that nobody took yet."""
        assert self._body is not None
        return self._body.texts

    @property
    def generation_id(self) -> str | None:
        """From the body, or from the header, which is there earlier."""
        inside = self.answer.generation_id if self.answer is not None else None
        if inside is None and self._body is not None:
            inside = self._body.generation_id
        header = text_or_none(self._head.headers.get("x-generation-id"))
        return billable.generation_id(inside, header)

    # --- reading --------------------------------------------------------------------------

    @property
    def _is_read(self) -> bool:
        """Whether a foreign reader had its answer: many stop there, before the usage comes."""
        return not self.is_own and self._body is not None and self._body.is_answered

    @property
    def _latency_ms(self) -> int:
        return round((clock.monotonic() - self._began) * 1000)

    @property
    def _is_whole(self) -> bool:
        return self._body is not None and self._body.is_complete

    def _read_answer(self) -> None:
        """Read what the body says; where that is no answer, there is a failure."""
        assert self._body is not None
        try:
            self.answer = answer = self._body.answer()
        except exact.NotJson as error:
            self.failure = self._unreadable(error)
        except (decoding.TooLarge, decoding.NotDecodable) as error:
            is_large = isinstance(error, decoding.TooLarge)
            self._flags = ("body:large" if is_large else "body:encoded",)
            self.failure = self._unreadable(error) if self.is_own else None
        else:
            if answer.error is not None:
                head = self._head
                self.failure = failures.error_for(
                    head.status or _OK, answer.error, head.headers, self._private(), **self._facts()
                )
            elif self._body.is_cut and self.is_own:
                self.failure = self._unreadable("it has more content than is kept")

    def _read_error(self) -> None:
        assert self._head.status is not None
        try:
            assert isinstance(self._body, WholeBody)
            body = failures.parse_error_body(self._body.plain())
        except (decoding.TooLarge, decoding.NotDecodable) as error:
            body = failures.ErrorBody(message=str(error))
        self.failure = failures.error_for(
            self._head.status, body, self._head.headers, self._private(), **self._facts()
        )

    def _unreadable(self, why: ValueError | str) -> errors.AnswerInvalid:
        hint = _SETTLED if self.generation_id else _NOT_KNOWN
        return self._invalid(f"OpenRouter's answer could not be read: {why}.", hint)

    def _invalid(self, said: str, hint: str) -> errors.AnswerInvalid:
        status = self._head.status
        return errors.AnswerInvalid(said, hint=hint, http_status=status, **self._facts())

    def _private(self) -> list[str]:
        """The texts of the call that no error may repeat."""
        answer = self.answer
        said = [answer.text, answer.reasoning or "", answer.refusal or ""] if answer else []
        return [*echoes.contents(self.sent), *said]

    def _facts(self) -> dict[str, Any]:
        return {
            "caller": self.caller,
            "model": self.request.model_asked,
            "request_id": self.request.id,
            "generation_id": self.generation_id,
            "partial_text": (self.answer.text if self.answer else None) or None,
        }

    # --- the row --------------------------------------------------------------------------

    def _end(self, status: str, *, sent: bool = True) -> None:
        """It is over, in this way."""
        self.is_over = True
        self.outcome = outcome_row(self.request.id, self._ended(status, sent=sent))
        self.ending = self.outcome if self.claim is None else Ending(self.claim, self.outcome)

    def _ended(self, status: str, *, sent: bool = True) -> Ended:
        cut_off = self.is_stream and not self._is_whole
        return Ended(
            status=status,
            sent=sent,
            http_status=self._head.status,
            latency_ms=self._latency_ms,
            generation_id=self.generation_id,
            answer=self.answer,
            has_figures=not cut_off,
            flags=(*self._flags, *(self._body.flags if self._body else ())),
            failure=self.failure,
        )
