"""The receipt of a call, in a line: exact amounts, no content."""

from decimal import Decimal
from typing import NamedTuple, Self

from ledger import money
from ledger.books.models import Outcome
from ledger.harmless import harmless

_NOT_KNOWN = {
    "pending": "cost pending",
    "unknown": "cost unknown",
    "not_charged": "not charged",
}


class Facts(NamedTuple):
    """What a receipt says beside what a reply has itself: plain values, so that replies pickle.

    Attributes:
        caller: who asked.
        prompt_tokens, completion_tokens: as the answer said.
        upstream_pico: what the user's own provider key was charged, where one was used.
        cost_grade: of the outcome.
        latency_ms: from sending to the end of the answer.
    """

    caller: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    upstream_pico: int | None
    cost_grade: str
    latency_ms: int | None

    @classmethod
    def of(cls, outcome: Outcome, caller: str | None) -> Self:
        """The facts of a booked outcome."""
        return cls(
            caller,
            outcome.prompt_tokens,
            outcome.completion_tokens,
            outcome.upstream_pico if outcome.is_byok else None,
            outcome.cost_grade,
            outcome.latency_ms,
        )


def line(
    facts: Facts,
    model: str | None,
    cost: Decimal | None,
    request_id: str,
    generation_id: str | None,
) -> str:
    """The receipt of one call.

    Args:
        facts: what the outcome says.
        model: the model that answered.
        cost: USD with the provider's own digits; None where it is not known.
        request_id: its id in the books.
        generation_id: the provider's.
    """
    parts = [
        f"{facts.caller or '(none)'}: {model or 'unknown model'}",
        _tokens(facts.prompt_tokens, facts.completion_tokens),
        _cost(facts, cost),
        "" if facts.latency_ms is None else f"{facts.latency_ms} ms",
        f"request {request_id}",
        f"generation {generation_id}" if generation_id else "",
    ]
    return harmless(", ".join(part for part in parts if part))


def _tokens(prompt: int | None, completion: int | None) -> str:
    known = [str(count) if count is not None else "?" for count in (prompt, completion)]
    return "tokens unknown" if known == ["?", "?"] else f"{'+'.join(known)} tokens"


def _cost(facts: Facts, cost: Decimal | None) -> str:
    if cost is None:
        return _NOT_KNOWN.get(facts.cost_grade, f"cost {facts.cost_grade}")
    upstream = facts.upstream_pico
    beside = f" and {money.usd_text(upstream)} USD upstream" if upstream else ""
    return f"{_plain(cost)} USD{beside} ({facts.cost_grade})"


def _plain(amount: Decimal) -> str:
    """An amount in plain digits, at least one of them a decimal: never `1E-7`."""
    text = f"{amount:f}"
    return text if "." in text else f"{text}.0"
