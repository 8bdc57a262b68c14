"""The reply: a `str` with the record attached."""

from decimal import Decimal
from typing import Any

from ledger.books.models import Outcome
from ledger.calls import receipts
from ledger.calls.receipts import Facts
from ledger.openrouter.answers import Answer


class Reply(str):  # noqa: SLOT000 - facts are attached to it
    """The model's text, with what the books know of it now. Never blocks, never estimates.

    Its repr is the text itself, as of any `str`: don't log it where answers must not be.

    Attributes:
        request_id: the id of the request in the books.
        generation_id: the provider's id of the work, or None.
        model: the model that answered; it may be another than the one asked for.
        usage: the provider's own `usage` object, numbers exact, or None.
        cost: USD charged by OpenRouter as the answer reported it, exact; None if not known yet.
        tool_calls: the tool calls that the model asks for, as sent.
        finish_reason: why the answer ended (`stop`, `length`, `tool_calls`, ...), or None.
        raw: the whole answer, parsed exactly.
        parsed: the answer as an object of the `response_model` that was passed, or None.
    """

    request_id: str
    generation_id: str | None
    model: str | None
    usage: dict[str, Any] | None
    cost: Decimal | None
    tool_calls: list[dict[str, Any]]
    finish_reason: str | None
    raw: dict[str, Any]
    parsed: Any
    _facts: Facts

    @classmethod
    def of(cls, answer: Answer, outcome: Outcome, caller: str | None = None) -> "Reply":
        """The reply for an answer and its booked outcome; who asked is for the receipt."""
        reply = cls(answer.text)
        usage = answer.raw.get("usage")
        reply.usage = usage if isinstance(usage, dict) else None
        known = reply.usage is not None and outcome.cost_pico is not None
        reply.cost = Decimal(reply.usage["cost"]) if known and reply.usage else None
        reply.request_id = outcome.id
        reply.generation_id = outcome.generation_id
        reply.model = answer.model
        reply.tool_calls = answer.tool_calls
        reply.finish_reason = answer.finish_reason
        reply.raw = answer.raw
        reply.parsed = None
        reply._facts = Facts.of(outcome, caller)
        return reply

    @property
    def receipt(self) -> str:
        """This call in one line: who, the model, tokens, exact cost, time, ids. No content."""
        return receipts.line(
            self._facts, self.model, self.cost, self.request_id, self.generation_id
        )
