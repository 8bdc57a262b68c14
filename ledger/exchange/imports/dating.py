"""A call with what only the whole file tells: its moment, its key, and whose it is."""

import datetime as dt
import hashlib
from dataclasses import dataclass

from ledger.callers import names
from ledger.exchange.imports.balances import Figures
from ledger.exchange.imports.records import Call


@dataclass(frozen=True, slots=True)
class Dated:
    """A call with what only the whole file tells.

    Attributes:
        key: tells it from all others.
        day: as the file has it.
        at: when it was, in UTC.
        name: of its caller.
        chain: through which it was made.
    """

    call: Call
    key: str
    day: str
    at: dt.datetime
    name: str | None
    chain: str | None


def named(caller: str | None) -> tuple[str | None, str | None]:
    """The name and the chain of a caller as a file has it; mapped, never refused."""
    if caller is None:
        return None, None
    whole = caller.partition(":")[2] if ":" in caller and names.ARROW in caller else caller
    members = [names.from_stem(each.strip()) for each in whole.split(names.ARROW) if each.strip()]
    members = members[-names.MAX_DEPTH :] or [names.from_stem(caller)]
    return members[-1], names.ARROW.join(members)


def keys_of(call: Call, before: str, number: int) -> tuple[str, str, int]:
    """A call's key: its generation id, else a digest of what is said of it.

    Args:
        call: the call.
        before: the digest of the call without an id before it.
        number: how many such calls there were in a row that say the very same.

    Returns:
        The key, and `before` and `number` for the next one.
    """
    if call.generation_id is not None:
        return f"generation:{call.generation_id}", before, number
    if call.own_key is not None:
        return call.own_key, before, number
    said = (
        call.stated_at, call.caller, call.model, call.status, call.prompt_tokens,
        call.completion_tokens, call.undivided_tokens, call.latency_ms,
        call.cost.pico if call.cost else None,
    )  # fmt: skip
    digest = hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:40]
    number = number + 1 if digest == before else 0
    return f"row:{digest}:{number}", digest, number


def figures_of(call: Call) -> Figures:
    """What a call adds to the totals that it is part of."""
    parts = (call.prompt_tokens, call.completion_tokens)
    tokens = call.undivided_tokens if parts == (None, None) else sum(each or 0 for each in parts)
    return Figures(
        call.cost.pico if call.cost else 0,
        call.upstream.pico if call.upstream else 0,
        1,
        tokens or 0,
    )
