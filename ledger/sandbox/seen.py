"""What is remembered one by one: a POST that was seen, the work it began, a script for the next."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.catalogue import Offer
from ledger.sandbox.plans import Plan
from ledger.sandbox.pricing import Counts

INFERENCE = (
    "chat",
    "completions",
    "responses",
    "messages",
    "embeddings",
    "rerank",
    "images",
    "speech",
    "transcriptions",
    "videos",
)
ANY = "inference"
READS = ("generation", "key", "keys", "credits", "models", "activity", "analytics")
ENDPOINTS = (ANY, *INFERENCE, *READS)


@dataclass(slots=True)
class Call:
    """One POST that the sandbox saw.

    Attributes:
        number: counts from 1 over the sandbox's life, resets included.
        endpoint: path below the base URL, such as `/chat/completions`.
        model: the slug asked for.
        messages: what was asked, as sent: `messages`, `input`, `prompt` or `query`; of sound that
            is to be written down only its format and size.
        params: the other members of the body.
        headers: lower-case names, without the key.
        started_at: when it was taken in, UTC, by the sandbox's clock.
        key_hash: SHA-256 of the key, as `/keys` has it.
        generation_id: the provider's id, where work was begun.
        cost: the literal of `usage.cost` in the answer; None where there was none.
        charged: credits charged, USD.
        upstream: what the provider charges besides, for a call with the user's own provider key.
        status: HTTP status of the answer; None while there is none.
        answered: the whole answer was handed to a connection that was still there.
    """

    number: int
    endpoint: str
    model: str | None
    messages: Any = field(repr=False)
    params: dict[str, Any] = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    started_at: dt.datetime
    key_hash: str = ""
    generation_id: str | None = None
    cost: str | None = None
    charged: Decimal = costs.ZERO
    upstream: Decimal = costs.ZERO
    status: int | None = None
    answered: bool = False

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self.params.get("stream") is True

    def line(self) -> str:
        """The call in one line, without content."""
        status = "no answer" if self.status is None else str(self.status)
        dead = "" if self.answered else ", not delivered"
        total = self.charged + self.upstream
        name = f"#{self.number} {self.endpoint} {self.model or '(no model)'}"
        return f"{name}: {status}{dead}, {total:f} USD, {self.generation_id or 'no generation'}"


@dataclass(slots=True)
class Generation:
    """Work that was done and charged; `ready_at` is None while the answer is still under way."""

    call: Call
    plan: Plan = field(repr=False)
    counts: Counts
    offer: Offer
    model: str
    total_cost: str
    api_type: str
    finish_reason: str | None
    cancelled: bool = False
    ready_at: float | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer in the cache of responses; `at` and `ttl` in seconds."""

    source_id: str
    text: str
    at: float
    ttl: int


@dataclass(slots=True)
class Job:
    """Work that goes on after its answer, and is asked for until it is done."""

    call: Call
    plan: Plan = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    looks: int = 0


@dataclass(slots=True)
class Script:
    """What to answer; `left` counts down, None stays."""

    endpoint: str
    model: str | None
    plan: Callable[[], Plan] = field(repr=False)
    left: int | None

    def fits(self, endpoint: str, model: str | None) -> bool:
        """Whether it applies to a call."""
        here = self.endpoint == endpoint or (self.endpoint == ANY and endpoint in INFERENCE)
        return here and self.model in (None, model)
