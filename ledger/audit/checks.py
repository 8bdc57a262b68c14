"""The provider's counters beside the books: a key's day and month, the account's used credits."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger import clock, money
from ledger.audit.booked import Reader, Sum
from ledger.audit.comparing import COUNTER_STEP_PICO
from ledger.audit.periods import Period
from ledger.audit.provider import Provider
from ledger.audit.results import Check, Line
from ledger.openrouter.analytics import HALF_STEP_PICO
from ledger.openrouter.records import KeyRecord

_MAYBE = "calls whose cost is not known may be all of it"


@dataclass(frozen=True, slots=True)
class _Counter:
    """A counter of a key: its name, its days, and what it says."""

    what: str
    days: Period
    pico: int


def of_key(
    record: KeyRecord,
    key_hash: str | None,
    sums: Sequence[Sum],
    lines: Sequence[Line],
    day: dt.date,
) -> list[Check]:
    """The key's use of this day and month beside what the ledger has under it.

    Args:
        record: what the provider says of the key.
        key_hash: the key.
        sums: the ledger's, of the whole month.
        lines: what was found of these days.
        day: today.
    """
    windows = (
        ("the key's use today", Period(day, day), record.usage_daily_pico),
        ("the key's use this month", Period(day.replace(day=1), day), record.usage_monthly_pico),
    )
    counters = [_Counter(what, days, pico) for what, days, pico in windows if pico is not None]
    return [_of_counter(each, key_hash, sums, lines) for each in counters]


def _of_counter(
    counter: _Counter, key_hash: str | None, sums: Sequence[Sum], lines: Sequence[Line]
) -> Check:
    mine = [each for each in sums if each.key_hash == key_hash and each.day in counter.days]
    about = [line for line in lines if line.key_hash == key_hash]
    ours = sum(each.cost_pico for each in mine)
    explained = sum(line.effect_on(counter.days) for line in about)
    rest = counter.pico - ours - explained
    return _check(
        counter.what, counter.pico, ours, explained, rest,
        bound=COUNTER_STEP_PICO + sum(each.requests for each in mine),
        undecided=_unclear(about, counter.days),
    )  # fmt: skip


def _unclear(lines: Sequence[Line], days: Period) -> int:
    """How many calls of these days have a cost that nobody knows."""
    return sum(line.requests for line in lines if line.amount_pico is None and line.day in days)


def _check(  # noqa: PLR0913 - what makes a check
    what: str,
    told: int,
    ours: int,
    explained: int,
    rest: int,
    *,
    bound: int,
    undecided: int,
    note: str = "",
) -> Check:
    """A rest is explained by digits, or by calls of unknown cost, where there are such."""
    if abs(rest) <= bound:
        return Check(what, told, ours, explained + rest, 0, note)
    if rest > 0 and undecided:
        return Check(what, told, ours, explained + rest, 0, f"{undecided} {_MAYBE}")
    return Check(what, told, ours, explained, rest, note)


def of_credits(
    reader: Reader, provider: Provider, period: Period, lines: Sequence[Line]
) -> Iterator[Check]:
    """What the account used between two looks at its credits, beside all calls of that time.

    Raises:
        ProviderError, ConnectionFailed: the provider refused, or no answer came.
    """
    looks = reader.snapshots(period)
    for (start, before), (end, after) in itertools.pairwise(looks):
        ours, requests = reader.between(start, end)
        within = [line for line in lines if line.at is not None and start < line.at <= end]
        explained = sum(line.difference_pico for line in within if line.explains)
        rest, bound, note = after - before - ours - explained, COUNTER_STEP_PICO + requests, ""
        if abs(rest) > bound and provider.sees_account and _is_recent(start):
            others, number = _of_others(
                provider, start, end, {line.generation_id for line in lines}
            )
            explained, bound = explained + others, bound + number * HALF_STEP_PICO
            rest -= others
            note = f"of it other keys of the account {money.usd_text(others)} USD"
        what = f"credits used from {_text(start)} to {_text(end)}"
        unclear = sum(line.requests for line in within if line.amount_pico is None)
        yield _check(
            what, after - before, ours, explained, rest, bound=bound, undecided=unclear, note=note
        )


def _of_others(
    provider: Provider, start: dt.datetime, end: dt.datetime, known: set[str | None]
) -> tuple[int, int]:
    """What keys used that are not the ledger's own; and in how many calls."""
    own = provider.own_keys
    everybody = {each.generation_id: each for each in provider.generations(start, end, None)}
    for key in own:
        for each in provider.generations(start, end, key):
            everybody.pop(each.generation_id, None)
    left = [each for name, each in everybody.items() if name not in known]
    return sum(each.credits_pico for each in left), len(left)


def _is_recent(moment: dt.datetime) -> bool:
    return clock.now() - moment < dt.timedelta(days=31)


def _text(moment: dt.datetime) -> str:
    return clock.to_text(moment)[:19] + "Z"
