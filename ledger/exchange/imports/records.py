"""What any file yields: calls, totals, and what could not be read, each with its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, NamedTuple, TypeAlias

from ledger import money
from ledger.openrouter import shapes

_STATUSES = {
    "success": "finished",
    "successful": "finished",
    "finished": "finished",
    "ok": "finished",
    "completed": "finished",
    "failed": "failed",
    "failure": "failed",
    "error": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "interrupted": "interrupted",
    "open": "open",
}
_MAX_ID = 256
_MAX_DIGITS = 1000


class Fault(ValueError):
    """Why a record can't be booked, in words."""


class Amount(NamedTuple):
    """An amount as a file states it: rounded to picodollars, and its own digits."""

    pico: int
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        place: where it stands in the file.
        stated_at: its time, to the letter.
        generation_id: the provider's id; None where the file has none.
        caller: as the file names it; may be a chain.
        status: how it ended; `open` where it didn't.
        undivided_tokens: of prompt and completion together, where only that is stated.
        cost: what the file says that it cost; None where it doesn't.
        upstream: what a provider charged beside that.
        own_key: what tells it from all others, where it has no generation id and yet a name.
        request_id: of the ledger that it was first recorded in.
    """

    place: str
    stated_at: str
    generation_id: str | None = None
    caller: str | None = None
    model: str | None = None
    provider: str | None = None
    status: str = "finished"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    undivided_tokens: int | None = None
    latency_ms: int | None = None
    cost: Amount | None = None
    upstream: Amount | None = None
    own_key: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """What a file states of many calls together.

    Attributes:
        bucket: its name in the file, which no other total of the file has.
        day: `2026-11-23` or `2026-11`; None where it is of no time.
        is_of_caller: whether it is one caller's.
        breakdown: of what is left already beyond all calls, as another ledger has it.
        is_of_account: whether it is the provider's, of all that the account did on a day: the
            calls that the books have of that day are in it.
    """

    place: str
    bucket: str
    cost: Amount
    day: str | None = None
    is_of_caller: bool = False
    caller: str | None = None
    model: str | None = None
    provider: str | None = None
    requests: int | None = None
    tokens: int | None = None
    upstream: Amount | None = None
    breakdown: str | None = None
    is_of_account: bool = False


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that is not booked.

    Attributes:
        file: where it is.
        place: its line, or its key in the document.
        reason: what is wrong with it.
    """

    file: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something of a file that tells whose it is, such as when a session started."""

    name: str
    value: str


Record: TypeAlias = Call | Total | BadRow | Mark


def first(values: Mapping[str, Any], *names: str) -> Any:
    """The first of these members that is there and not null."""
    return next((values[name] for name in names if values.get(name) is not None), None)


def amount(value: Any, name: str) -> Amount | None:
    """An exact amount of a number, or of a text that is one; None where there is none.

    Raises:
        Fault: it is no amount: not a number, negative, NaN, or more than any call costs.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text, value = value.strip(), _decimal(value, name)
    else:
        text = str(value) if isinstance(value, int) else ""
    try:
        pico = money.to_pico(value)
    except money.NotMoney as error:
        raise Fault(f"{name} is no amount: {error.flag}") from None
    return Amount(pico, text or _plain(value, pico))


def count(value: Any, name: str) -> int | None:
    """A whole number; None where there is none.

    Raises:
        Fault: it is something else, or negative.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = _decimal(value, name)
    flags: list[str] = []
    found = shapes.count_or_none(value, name, flags)
    if flags:
        raise Fault(f"{name} is no count: {flags[0].rpartition(':')[2]}")
    return found


def milliseconds(value: Any, name: str) -> int | None:
    """A duration, rounded to whole milliseconds; None where there is none.

    Raises:
        Fault: it is something else, or negative.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = _decimal(value, name)
    flags: list[str] = []
    found = shapes.milliseconds_or_none(value, name, flags)
    if flags:
        raise Fault(f"{name} is no duration: {flags[0].rpartition(':')[2]}")
    return found


def words(value: Any, name: str) -> str | None:
    """A text, storable and cut to what a column is for; None where there is none.

    Raises:
        Fault: it is something else.
    """
    if value is None or value == "":
        return None
    found = shapes.text_or_none(value)
    if found is None:
        raise Fault(f"{name} is no text but {shapes.kind(value)}")
    return found


def generation_id(value: Any) -> str | None:
    """An id as the provider gives them; None where there is none.

    Raises:
        Fault: it can't be one.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Fault(f"generation id is no text but {shapes.kind(value)}")
    if len(value) > _MAX_ID or not value.isprintable() or " " in value:
        raise Fault("generation id is too long, or has spaces or control characters")
    return value


def status(value: Any) -> str:
    """How a call ended, by the words that programs have for it.

    Raises:
        Fault: it is none of them.
    """
    if value is None or value is True:
        return "finished"
    if value is False:
        return "failed"
    found = _STATUSES.get(value.strip().casefold()) if isinstance(value, str) else None
    if found is None:
        raise Fault(f"status is none of {', '.join(_STATUSES)}")
    return found


def _decimal(text: str, name: str) -> Decimal:
    try:
        return Decimal(text.strip()) if len(text) <= _MAX_DIGITS else Decimal("NaN")
    except DecimalException:
        raise Fault(f"{name} is no number") from None


def _plain(value: Any, pico: int) -> str:
    """The digits of a number; where they are absurdly many, those that are booked."""
    text = f"{value:f}" if isinstance(value, int) or value.adjusted() > -_MAX_DIGITS else ""
    return text if text and len(text) <= _MAX_DIGITS else money.usd_text(pico)
