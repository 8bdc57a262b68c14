"""What a test says to the sandbox, and asks it afterwards; no server in here."""

import contextlib
import copy
import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger.sandbox import costs, failures
from ledger.sandbox.behaviour import Settings
from ledger.sandbox.plans import BadScript, Plan
from ledger.sandbox.seen import ANY, Call, Script
from ledger.sandbox.state import State, charged, upstream

if TYPE_CHECKING:
    from pathlib import Path

Amount = str | int | Decimal
_PER_CALLER = "select caller, count(*) from request_status group by caller"


class Scripting:
    """Scripts, records and assertions of a sandbox. Every method may be called from any thread.

    Attributes:
        state: what is shared with the server.
        home: home of the ledger under test, read by `expect(callers=...)`.
    """

    def __init__(self, **settings: Any) -> None:
        self._initial = Settings()
        _change(self._initial, settings)
        self.state = State(copy.deepcopy(self._initial))
        self.home: Path | None = None

    @property
    def settings(self) -> Settings:
        """How the sandbox behaves as a whole; its fields may be set."""
        return self.state.settings

    @property
    def calls(self) -> list[Call]:
        """The POSTs seen since the last reset, oldest first."""
        return self.state.seen()

    @property
    def spent(self) -> Decimal:
        """Credits charged since the last reset, USD, answered or not."""
        return charged(self.calls)

    def configure(self, **settings: Any) -> None:
        """Change settings by name.

        Raises:
            BadScript: there is no setting of that name.
        """
        with self.state.lock:
            _change(self.settings, settings)

    def reply(  # noqa: PLR0913 - everything that an answer can differ in, by name
        self,
        *,
        model: str | None = None,
        text: str | None = None,
        tokens: tuple[int, int] | None = None,
        cost: Amount | None = None,
        settled_cost: Amount | None = None,
        upstream_cost: Amount | None = None,
        served_model: str | None = None,
        generation_delay_s: float | Decimal | None = None,
        latency_ms: int = 0,
        directives: str = "",
        times: int | None = None,
        endpoint: str = ANY,
    ) -> None:
        """Script an answer.

        Args:
            model: slug that it applies to; None: any.
            text: the reply; None: an echo.
            tokens: (prompt, completion); None: counted by the documented rule.
            cost: USD in `usage.cost`; text is written verbatim. None: the documented rule.
            settled_cost: USD in the generation record; None: the same.
            upstream_cost: makes it a call with the user's own provider key, who charges this.
            served_model: slug that answers, where another.
            generation_delay_s: seconds until the generation is found; None: as the settings say.
            latency_ms: milliseconds before the first byte.
            directives: further ones of the table, separated by commas.
            times: how often; None: from now on. Counted scripts go first, oldest first; of
                the standing ones the newest counts, one for this model before one for any.
            endpoint: `inference` for all that do work, or one of them: `chat`, `completions`,
                `responses`, `messages`, `embeddings`, `rerank`, `images`, `speech`,
                `transcriptions`, `videos`.

        Raises:
            BadScript: an unknown directive or endpoint, or `times` that isn't positive.
            TypeError: a cost that is a float.
        """
        values: dict[str, Any] = {
            "text": text,
            "tokens": tokens,
            "cost": costs.literal_from(cost),
            "settled_cost": costs.literal_from(settled_cost),
            "upstream_cost": costs.literal_from(upstream_cost),
            "is_byok": upstream_cost is not None,
            "served_model": served_model,
            "generation_delay_s": _seconds(generation_delay_s),
            "slow_ms": latency_ms,
        }

        def plan() -> Plan:
            made = Plan(**values)
            if directives:
                _apply(made, directives)
            return made

        plan()  # a wrong directive is this call's fault, not the server's
        self.state.add_script(Script(endpoint, model, plan, times))

    def fail(
        self,
        status: int | str,
        *,
        model: str | None = None,
        message: str | None = None,
        times: int | None = 1,
        endpoint: str = ANY,
    ) -> None:
        """Script an error.

        Args:
            status: an HTTP status, or a name of `failures` such as `403-key-limit`.
            model: slug that it applies to; None: any.
            message: instead of the usual message.
            times: how often; None: from now on.
            endpoint: as `reply` has it, or `generation`, `key`, `keys`, `credits`, `models`,
                `activity`, `analytics`.

        Raises:
            BadScript: no such error or endpoint.
        """
        name = str(status)
        if not failures.known(name):
            raise BadScript(f"no error {name!r}")
        script = Script(endpoint, model, lambda: Plan(failure=name, message=message), times)
        self.state.add_script(script)

    def set_price(self, model: str, provider: str | None = None, **pricing: Any) -> None:
        """Change what a model costs from now on; a model that isn't listed is listed.

        Args:
            model: its slug.
            provider: which of its providers; None: the first, whose price the model shows.
            pricing: USD per unit as decimal text by the provider's names (`prompt`, `completion`,
                `request`, `image`, `web_search`, `input_cache_read`, ...; "-1" is unknown), besides
                `overrides`, a list, and `discount`, a part from 0 to 1.

        Raises:
            BadScript: a price that is no decimal text.
        """
        with self.state.lock:
            self.state.catalogue.set_price(model, provider, pricing)

    def set_model(self, model: str, **members: Any) -> None:
        """Change members of a model's entry in `/models`, or list a new one at the echo's price.

        Args:
            model: its slug.
            members: `context_length`, `expiration_date`, `supported_parameters`, ...;
                `max_completion_tokens` goes where it belongs.
        """
        with self.state.lock:
            self.state.catalogue.set_model(model, members)

    def drop_model(self, model: str, provider: str | None = None) -> None:
        """Take a model, or one of its providers, off the catalogue."""
        with self.state.lock:
            self.state.catalogue.drop(model, provider)

    @property
    def now(self) -> dt.datetime:
        """The time by which the sandbox books its calls."""
        return self.state.now()

    def set_clock(self, moment: dt.datetime) -> None:
        """Book by another time from now on: yesterday, or a second before midnight.

        Raises:
            ValueError: the moment has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no time zone")
        self.state.set_clock(moment)

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once: generations are found earlier, too."""
        self.state.advance(seconds)

    def reset(self) -> None:
        """Forget calls, generations and scripts; settings are as at the start."""
        self.state.reset(copy.deepcopy(self._initial))

    @contextlib.contextmanager
    def expect(
        self,
        *,
        calls: int | None = None,
        max_cost: Amount | None = None,
        callers: Iterable[str] | Mapping[str, int] | None = None,
    ) -> Iterator[None]:
        """Assert what a block of code does, by what the server saw while it ran.

        Args:
            calls: exactly how many POSTs.
            max_cost: USD charged at most, a BYOK provider's own bill included.
            callers: who called, by the ledger in `home`: names, or names with their numbers.

        Raises:
            AssertionError: it did otherwise; the message lists the calls, without content.
            TypeError: `max_cost` is a float.
        """
        limit = costs.literal_from(max_cost)
        before, recorded = self.state.count(), self._recorded(callers)
        yield
        seen = [call for call in self.calls if call.number > before]
        wrong = _complaints(seen, calls, None if limit is None else Decimal(limit))
        if callers is not None:
            wrong += _caller_complaints(self._recorded(callers) - recorded, callers)
        if wrong:
            lines = [f"  {call.line()}" for call in seen] or ["  (no call)"]
            raise AssertionError("\n".join([*wrong, "The sandbox saw:", *lines]))

    def _recorded(self, callers: object) -> Counter[str]:
        """Requests of each caller in the ledger's books; asked for only where somebody expects."""
        path = None if self.home is None else self.home / "ledger.db"
        if callers is None or path is None or not path.exists():
            return Counter()
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as books:
            return Counter({str(name): count for name, count in books.execute(_PER_CALLER)})


def _change(settings: Settings, values: Mapping[str, Any]) -> None:
    """Set fields of the settings by name.

    Raises:
        BadScript: there is no such field.
    """
    for name, value in values.items():
        if name not in Settings.__dataclass_fields__:
            raise BadScript(f"no setting {name!r}")
        if name.endswith("_keys"):
            setattr(settings, name, set(value))
        else:
            setattr(settings, name, _seconds(value) if name.endswith("_s") else value)


def _seconds(value: float | Decimal | None) -> float | None:
    """A duration as the clock counts it; JSON brings it as a Decimal."""
    return None if value is None else float(value)


def _apply(plan: Plan, text: str) -> None:
    """Apply directives; their table is loaded only where some are used."""
    from ledger.sandbox import directives

    directives.apply(plan, text)


def _complaints(seen: list[Call], calls: int | None, max_cost: Decimal | None) -> list[str]:
    """What differs from the expected number and cost."""
    wrong = []
    if calls is not None and len(seen) != calls:
        wrong.append(f"expected {calls} calls, there were {len(seen)}")
    total = charged(seen) + upstream(seen)
    if max_cost is not None and total > max_cost:
        wrong.append(f"expected at most {max_cost:f} USD, it was {total:f}")
    return wrong


def _caller_complaints(
    found: Counter[str],
    expected: Iterable[str] | Mapping[str, int],
) -> list[str]:
    """What differs from the expected callers."""
    if isinstance(expected, Mapping):
        same = dict(found) == dict(expected)
    else:
        expected = sorted(expected)
        same = sorted(found) == expected
    return [] if same else [f"expected callers {expected}, the books have {dict(found)}"]
