"""What the sandbox intends to do with one POST, as scripts and directives fill it in."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Body = dict[str, Any]
Edit = Callable[[Body], None]


class BadScript(ValueError):
    """A script or directive that says nothing the sandbox could do."""


@dataclass(slots=True)
class Plan:
    """The answer to one POST; every field has the value of an ordinary, healthy answer.

    Attributes:
        text: the reply; None: an echo of the last message.
        tokens: (prompt, completion); None: counted by the documented rule.
        cost: literal of `usage.cost`; `missing` leaves it out; None: the documented rule.
        settled_cost: literal of the generation's `total_cost`; None: the cost of the answer.
        upstream_cost: literal of what the provider itself charged; None: the same as the cost.
        is_byok: the provider's own bill goes to the user.
        served_model: the slug that answers, where it isn't the one asked for.
        generation_delay_s: seconds after the answer until the generation is found.
        insured: nothing of use was answered, so the model's work is free.
        byok_fee: the part of the provider's bill that is charged for a call with the user's own
            provider key; None: no such call, unless `is_byok` says so.
        provider: the provider that serves.
        reasoning, cached, written, written_1h, searches: counted instead of what the rule finds.
        at: when the call is booked; None: now.
        is_hit: the answer comes from the cache of responses.
        source_id: the generation whose answer that is.
        kept_as: the name under which the answer is kept there.
        headers: further headers of the answer.
        failure: name of an error in `failures.SHAPES`, such as `402` or `403-key-limit`.
        message: the error's message, where not the usual one.
        booked: the work is done and charged; None: unless it failed.
        raw: a body and its content type instead of the JSON.
        edits: changes of the JSON body before it is written.
        header_id: the id is in `X-Generation-Id`.
        keepalive: whitespace comes before the body, in parts of its own.
        cut: the connection closes in the middle of the body.
        hangup: the connection closes instead of an answer.
        slow_ms: milliseconds before the first byte.
        drip_ms: milliseconds between bytes; between events in a stream.
        redirect: an HTTP status that sends the caller elsewhere; 0: none.
        stream_error: the stream breaks off with an error event; its code is a text, or with `int`
            a number; with `late` it comes after the finish, as recorded.
        failed_event: under which name `/responses` says so in a stream.
        stream_usage: what choices a stream's usage chunk has: `repeat` one with an empty delta that
            repeats the finish reason, `null` one with none, `empty` none, `bare` no such member.
        chunks: content chunks of a stream; 0: one a word.
        endless: a stream of content without end.
        oddities: names of what else is odd about a stream, see `oddities`.
        split: bytes of a stream sent at a time; 0: an event.
        job: how a job ends: `completed`, `failed`, `cancelled`, `expired`.
        polls: how often a job is asked for in vain.
    """

    text: str | None = None
    tokens: tuple[int, int] | None = None
    cost: str | None = None
    settled_cost: str | None = None
    upstream_cost: str | None = None
    is_byok: bool = False
    served_model: str | None = None
    generation_delay_s: float | None = None
    insured: bool = False
    byok_fee: Decimal | None = None
    provider: str | None = None
    reasoning: int | None = None
    cached: int | None = None
    written: int | None = None
    written_1h: int = 0
    searches: int | None = None
    at: dt.datetime | None = None
    is_hit: bool = False
    source_id: str | None = None
    kept_as: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    message: str | None = None
    booked: bool | None = None
    raw: tuple[bytes, str] | None = None
    edits: list[Edit] = field(default_factory=list)
    header_id: bool = True
    slow_ms: int = 0
    drip_ms: int = 0
    keepalive: bool = False
    cut: bool = False
    hangup: bool = False
    redirect: int = 0
    stream_error: str = ""
    failed_event: str = "response.failed"
    stream_usage: str = "repeat"
    chunks: int = 0
    endless: bool = False
    oddities: set[str] = field(default_factory=set)
    split: int = 0
    job: str = "completed"
    polls: int = 1

    @property
    def is_booked(self) -> bool:
        """Whether the provider does the work, and so charges for it."""
        if self.booked is not None:
            return self.booked
        return self.failure is None and not self.redirect
