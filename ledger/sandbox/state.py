"""What the sandbox remembers: settings, scripts, the POSTs it saw and the work it charged.

Shared by the server's thread and the tests', so every change is made under one lock.
"""

import datetime as dt
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger import clock
from ledger.sandbox import costs
from ledger.sandbox.catalogue import Catalogue, Offer
from ledger.sandbox.plans import BadScript, Plan
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
ENDPOINTS = (ANY, *INFERENCE, "generation", "key", "credits", "models")


@dataclass(slots=True)
class Settings:
    """How the sandbox behaves as a whole; may be changed at any time.

    Attributes:
        appetite: how much an echo uses: `usual`, `thrifty` or `maximal`, as `counting` has it.
        byok_providers: providers for which the user has a key of their own.
        byok_fee: the part of such a provider's bill that is charged; 0 within the allowance.
        generation_delay_s: seconds after an answer until `/generation` finds it.
        generation_latency_s: seconds that each look-up takes.
        generation_max_parallel: look-ups at once before the next gets 429; None: no limit.
        refused_keys: keys answered with 401.
        management_keys: keys that may see `/credits` and may not run inference.
        credits_as_zeros: a normal key gets zeros from `/credits` instead of 403.
        total_credits: credits bought, USD.
        key_limit: limit of the key, USD, where it has one.
        models: entries of `/models` instead of the usual ones.
    """

    appetite: str = "usual"
    byok_providers: set[str] = field(default_factory=set)
    byok_fee: Decimal = costs.ZERO
    generation_delay_s: float = 0.0
    generation_latency_s: float = 0.0
    generation_max_parallel: int | None = None
    refused_keys: set[str] = field(default_factory=set, repr=False)
    management_keys: set[str] = field(default_factory=set, repr=False)
    credits_as_zeros: bool = False
    total_credits: Decimal = Decimal(100)
    key_limit: Decimal | None = None
    models: list[dict[str, Any]] | None = None


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
        started_at: when it was taken in, UTC.
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


class State:
    """Everything that the server's thread and its owner share."""

    def __init__(self, settings: Settings) -> None:
        self.lock = threading.RLock()
        self.settings = settings
        self.calls: list[Call] = []
        self.generations: dict[str, Generation] = {}
        self.scripts: list[Script] = []
        self.jobs: dict[str, Job] = {}
        self.catalogue = Catalogue()
        self.cached_prompts: set[str] = set()
        self._count = 0

    def reset(self, settings: Settings) -> None:
        """Forget calls, generations and scripts; start over with these settings."""
        with self.lock:
            self.settings = settings
            self.calls.clear()
            self.generations.clear()
            self.scripts.clear()
            self.jobs.clear()
            self.catalogue = Catalogue()
            self.cached_prompts.clear()

    def add_script(self, script: Script) -> None:
        """Queue a script.

        Raises:
            BadScript: no such endpoint, or a number of times that isn't positive.
        """
        if script.endpoint not in ENDPOINTS:
            raise BadScript(f"endpoint is one of {', '.join(ENDPOINTS)}, not {script.endpoint!r}")
        if script.left is not None and script.left < 1:
            raise BadScript(f"times is a positive number or None, not {script.left}")
        with self.lock:
            self.scripts.append(script)

    def take_plan(self, endpoint: str, model: str | None = None) -> Plan | None:
        """The plan of the script whose turn it is, or None where there is none.

        Counted scripts come first, oldest first; then the newest standing one, one for this
        model before one for any.
        """
        if not self.scripts:
            return None
        with self.lock:
            fitting = [script for script in self.scripts if script.fits(endpoint, model)]
            counted = next((script for script in fitting if script.left is not None), None)
            if counted is not None and counted.left is not None:
                counted.left -= 1
                if not counted.left:
                    self.scripts.remove(counted)
                return counted.plan()
            standing = sorted(fitting, key=lambda script: script.model is not None)
            return standing[-1].plan() if standing else None

    def open_call(
        self,
        endpoint: str,
        body: dict[str, Any],
        headers: dict[str, str],
        said: str = "messages",
    ) -> Call:
        """Note a POST as soon as it has come in whole.

        Args:
            endpoint: path below the base URL.
            body: what was sent.
            headers: without any secret.
            said: the member of the body that holds what is asked.
        """
        model = body.get("model")
        apart = ("model", said)
        params = {name: value for name, value in body.items() if name not in apart}
        with self.lock:
            self._count += 1
            call = Call(
                number=self._count,
                endpoint=endpoint,
                model=model if isinstance(model, str) else None,
                messages=body.get(said),
                params=params,
                headers=headers,
                started_at=clock.now(),
            )
            self.calls.append(call)
        return call

    def book(self, generation: Generation) -> None:
        """Charge work that was begun; it is found once its answer has ended."""
        call = generation.call
        assert call.generation_id is not None
        with self.lock:
            self.generations[call.generation_id] = generation

    def finish(self, call: Call, *, cancelled: bool = False) -> None:
        """The answer has ended, or its connection has: from here the delay runs."""
        with self.lock:
            generation = self.generations.get(call.generation_id or "")
            if generation is None or generation.ready_at is not None:
                return
            delay = generation.plan.generation_delay_s
            delay = self.settings.generation_delay_s if delay is None else delay
            generation.cancelled = cancelled
            generation.ready_at = clock.monotonic() + delay

    def find(self, generation_id: str) -> Generation | None:
        """The work of that id, if it can be found yet."""
        with self.lock:
            generation = self.generations.get(generation_id)
        if generation is None or generation.ready_at is None:
            return None
        return generation if clock.monotonic() >= generation.ready_at else None

    def seen(self) -> list[Call]:
        """The POSTs so far, oldest first."""
        with self.lock:
            return list(self.calls)

    def since(self, moment: dt.datetime) -> list[Call]:
        """The POSTs from a moment on."""
        return [call for call in self.seen() if call.started_at >= moment]

    def count(self) -> int:
        """How many POSTs there ever were."""
        with self.lock:
            return self._count


def charged(calls: Iterable[Call]) -> Decimal:
    """Credits charged for these calls, USD."""
    return sum((call.charged for call in calls), costs.ZERO)


def upstream(calls: Iterable[Call]) -> Decimal:
    """What providers charged besides for these calls, USD."""
    return sum((call.upstream for call in calls), costs.ZERO)


def new_id(started_at: dt.datetime, kind: str = "") -> str:
    """An id as the provider makes them: `gen-<unix seconds>-<20 characters>`."""
    return f"gen-{kind}{int(started_at.timestamp())}-{secrets.token_hex(10)}"
