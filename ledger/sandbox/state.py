"""What the sandbox remembers: settings, scripts, the POSTs it saw and the work it charged.

Shared by the server's thread and the tests', so every change is made under one lock.
"""

import datetime as dt
import secrets
import threading
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ledger import clock
from ledger.sandbox import costs
from ledger.sandbox.accounts import Accounts
from ledger.sandbox.behaviour import Settings
from ledger.sandbox.catalogue import Catalogue
from ledger.sandbox.plans import BadScript, Plan
from ledger.sandbox.seen import ENDPOINTS, Call, Generation, Job, Kept, Script


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
        self.responses: dict[str, Kept] = {}
        self.accounts = Accounts()
        self.began_at = clock.now()
        self._shift = dt.timedelta()
        self._ahead_s = 0.0
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
            self.responses.clear()
            self.accounts = Accounts()
            self._shift, self._ahead_s = dt.timedelta(), 0.0

    def now(self) -> dt.datetime:
        """The time by which the sandbox books; its owner may have set it."""
        return clock.now() + self._shift if self._shift else clock.now()

    def monotonic(self) -> float:
        """Seconds for delays; they go on with `advance` too."""
        return clock.monotonic() + self._ahead_s

    def set_clock(self, moment: dt.datetime) -> None:
        """Book by another time from now on; it goes on from there."""
        self._shift = moment - clock.now()

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self._shift += dt.timedelta(seconds=seconds)
        self._ahead_s += seconds

    def booked(self) -> list[Generation]:
        """All work that was charged, oldest first."""
        with self.lock:
            return list(self.generations.values())

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
        key_hash: str = "",
        said: str = "messages",
    ) -> Call:
        """Note a POST as soon as it has come in whole.

        Args:
            endpoint: path below the base URL.
            body: what was sent.
            headers: without any secret.
            key_hash: of the key that was sent.
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
                started_at=self.now(),
                key_hash=key_hash,
            )
            self.calls.append(call)
        return call

    def book(self, generation: Generation) -> None:
        """Charge work that was begun; it is found once its answer has ended."""
        call = generation.call
        assert call.generation_id is not None
        with self.lock:
            self.generations[call.generation_id] = generation
            self.accounts.add(call.key_hash, call.started_at, call.charged, call.upstream)

    def finish(self, call: Call, *, cancelled: bool = False) -> None:
        """The answer has ended, or its connection has: from here the delay runs."""
        with self.lock:
            generation = self.generations.get(call.generation_id or "")
            if generation is None or generation.ready_at is not None:
                return
            delay = generation.plan.generation_delay_s
            delay = self.settings.generation_delay_s if delay is None else delay
            generation.cancelled = cancelled
            generation.ready_at = self.monotonic() + delay

    def find(self, generation_id: str) -> Generation | None:
        """The work of that id, if it can be found yet."""
        with self.lock:
            generation = self.generations.get(generation_id)
        if generation is None or generation.ready_at is None:
            return None
        return generation if self.monotonic() >= generation.ready_at else None

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
