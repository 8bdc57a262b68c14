"""The rows of the views, as typed SQLModel classes. They are read, never written.

Fields are the views' columns, in their order. `*_pico` are integers of 1e-12 USD; the `*_usd`
beside each is the same amount as exact decimal text, for reading: add up the integers.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlmodel import SQLModel

from ledger import clock
from ledger.clock import Real

_USD = "_usd"


class ViewRow(SQLModel):
    """Base of the classes that views are read into."""

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The names of the view's columns, in order."""
        return tuple(cls.model_fields)

    def as_json(self) -> dict[str, Any]:
        """The row for exact JSON: columns as in the view, `*_usd` as Decimal numbers."""
        return {name: _json_value(name, getattr(self, name)) for name in self.columns()}


def _json_value(name: str, value: Any) -> Any:
    if name.endswith(_USD) and value is not None:
        return Decimal(value)
    return clock.to_text(value) if isinstance(value, dt.datetime) else value


class RequestStatus(ViewRow):
    """One request: who asked what of which model, how it ended, and what it cost.

    Attributes:
        status: the outcome (`finished`, `failed`, `cancelled`, `interrupted`), or `open`.
        model: the model that answered; `model_asked` is what the call named.
        cost_pico: credits charged by OpenRouter; the settled amount where it is known.
        upstream_pico: what a provider charged to the user's own key there.
        total_pico: cost, and upstream spend where the user's own key was used.
        cost_grade: `settled`, `reported`, `pending`, `unknown`, `not_charged` or `declared`.
        latency_ms: from sending to the end of the answer, as measured here.
        generation_time_ms: as the provider's own record has it.
        undivided_tokens: of prompt and completion together, where only that is known.
    """

    id: str
    started_at: Real.Moment
    day: str
    caller: str | None
    chain: str | None
    source: str
    endpoint: str
    model_asked: str | None
    model: str | None
    provider: str | None
    status: str
    generation_id: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_pico: int | None
    cost_usd: str | None
    upstream_pico: int | None
    upstream_usd: str | None
    total_pico: int | None
    total_usd: str | None
    cost_grade: str
    latency_ms: int | None
    generation_time_ms: int | None
    error: str | None
    undivided_tokens: int | None


class UsageRow(ViewRow):
    """Totals as every usage view has them; the amounts that are not known add nothing.

    Attributes:
        requests: all of them; `finished`, `failed`, `cancelled`, `interrupted` and
            `open_requests` are its parts by status.
        total_pico: `cost_pico` and the upstream spend of calls with the user's own provider
            key; `settled_pico` and `reported_pico` are its parts by grade.
        pending_requests: requests whose cost is still asked for.
        unknown_requests: requests whose cost nobody can say.
    """

    requests: int
    finished: int
    failed: int
    cancelled: int
    interrupted: int
    open_requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_pico: int
    cost_usd: str
    upstream_pico: int
    upstream_usd: str
    total_pico: int
    total_usd: str
    settled_pico: int
    settled_usd: str
    reported_pico: int
    reported_usd: str
    settled_requests: int
    reported_requests: int
    pending_requests: int
    unknown_requests: int
    not_charged_requests: int
