"""Call by call: the ledger's requests beside the provider's generations of the same days."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ledger import clock, money
from ledger.audit.booked import Booked
from ledger.audit.results import Line
from ledger.audit.told import Accounts
from ledger.openrouter.activity import moment_or_none
from ledger.openrouter.analytics import Told
from ledger.openrouter.generation import GenerationRecord
from ledger.settings import DEFAULT_DEADLINE_S

Exact = Callable[[str], GenerationRecord | None]
"""The provider's exact record of a generation; None where it can't be had."""

_DAY = dt.timedelta(days=1)
_CLOCKS = dt.timedelta(seconds=10)
"""So far apart may the clocks of both sides be."""


@dataclass(slots=True)
class Pair:
    """A generation of the provider's, and the request that it is; None: no request of ours.

    Attributes:
        key_hash, day: under which the provider has it.
        pico, upstream_pico: what it charged, as exactly as is known.
    """

    told: Told
    key_hash: str | None
    day: str
    row: Booked | None
    pico: int
    upstream_pico: int
    model: str | None = None
    at: dt.datetime | None = None
    is_inferred: bool = False


@dataclass(slots=True)
class Matched:
    """What belongs together, and the requests that the provider has nothing of."""

    pairs: list[Pair] = field(default_factory=list)
    alone: list[Booked] = field(default_factory=list)


def match(accounts: Accounts, days: set[str], rows: list[Booked], exact: Exact) -> Matched:
    """Find each generation's request, by its id or by the id that the request was sent with.

    Args:
        accounts: tells the generations.
        days: those that are looked into.
        rows: the requests of these days and of the days around them.
        exact: looks an amount up.
    """
    by_id: dict[str, Booked] = {}
    for row in rows:
        if row.generation_id is not None:
            by_id.setdefault(row.generation_id, row)
    lost = {row.id: row for row in rows if row.generation_id is None}
    found = Matched()
    taken: set[str] = set()
    for key, day in _asked(accounts, days, rows, taken, inner=True):
        _take(accounts, found, (key, day), by_id, lost, taken, exact, keep=True)
    for key, day in _asked(accounts, days, rows, taken, inner=False):
        _take(accounts, found, (key, day), by_id, lost, taken, exact, keep=False)
    found.alone = [row for row in rows if row.day in days and row.id not in taken]
    _infer_lost(accounts, found)
    return found


def _infer_lost(accounts: Accounts, found: Matched) -> None:
    """A lost request and a generation of nobody's are one where neither can be another."""
    lost = [row for row in found.alone if row.is_undecided and row.generation_id is None]
    nobodys = [pair for pair in found.pairs if pair.row is None]
    could_be = {row.id: [pair for pair in nobodys if _may_be(accounts, row, pair)] for row in lost}
    wanted = Counter(pair.told.generation_id for pairs in could_be.values() for pair in pairs)
    for row in lost:
        pairs = could_be[row.id]
        if len(pairs) == 1 and wanted[pairs[0].told.generation_id] == 1:
            pairs[0].row, pairs[0].is_inferred = row, True
            found.alone.remove(row)


def _may_be(accounts: Accounts, row: Booked, pair: Pair) -> bool:
    """Whether a generation began while a request was under way, with its model and key."""
    if pair.at is None or pair.key_hash not in {None, row.key_hash}:
        return False
    longest = dt.timedelta(seconds=DEFAULT_DEADLINE_S)
    ended = row.started_at + longest if row.ended_at is None else row.ended_at
    within = row.started_at - _CLOCKS < pair.at < ended + _CLOCKS
    return within and pair.model == accounts.model(row.model)


def _asked(
    accounts: Accounts, days: set[str], rows: list[Booked], taken: set[str], *, inner: bool
) -> Iterator[tuple[str | None, str]]:
    """The keys and days to ask for: these, then those around requests that weren't found."""
    asked = sorted(days)
    if not inner:
        missing = {row.day for row in rows if row.day in days and _should_be(row, taken)}
        around = {_shifted(day, by) for day in missing for by in (-_DAY, _DAY)}
        asked = sorted(around - days)
    for day in asked:
        for key in accounts.keys:
            yield key, day


def _should_be(row: Booked, taken: set[str]) -> bool:
    return row.id not in taken and row.cost_grade != "not_charged"


def _shifted(day: str, by: dt.timedelta) -> str:
    return (dt.date.fromisoformat(day) + by).isoformat()


def _take(  # noqa: PLR0913, PLR0917 - both sides, and what is known so far
    accounts: Accounts,
    found: Matched,
    place: tuple[str | None, str],
    by_id: dict[str, Booked],
    lost: dict[str, Booked],
    taken: set[str],
    exact: Exact,
    *,
    keep: bool,
) -> None:
    """Pair the generations of one key and day; those of nobody's are kept where they count."""
    assert accounts.generations is not None
    key, day = place
    for told in accounts.generations(key, day):
        row = by_id.get(told.generation_id) or lost.get(told.user or "")
        if row is not None and row.id in taken:
            row = None
        if row is None and not keep:
            continue
        if row is not None:
            taken.add(row.id)
        found.pairs.append(_pair(accounts, told, place, row, exact))


def _pair(
    accounts: Accounts, told: Told, place: tuple[str | None, str], row: Booked | None, exact: Exact
) -> Pair:
    """The pair, with the exact amount where the ledger's own isn't confirmed."""
    key, day = place
    if not accounts.tells_byok:
        told = replace(told, byok_pico=0 if row is None else row.upstream_pico or 0)
    pair = Pair(told, key, day, row, told.credits_pico, told.byok_pico, told.model, told.at)
    pair.model = accounts.model(pair.model)
    if row is not None:
        pair.model, pair.at = accounts.model(row.model), row.started_at
        if _agrees(row, told, accounts.half_step_pico):
            pair.pico, pair.upstream_pico = row.cost_pico or 0, row.upstream_pico or 0
            if row.cost_pico is not None and row.cost_grade != "reported":
                return pair
    if row is not None and row.cost_grade in {"settled", "declared"}:
        return pair
    if accounts.half_step_pico or row is None:
        _look_up(accounts, pair, exact)
    return pair


def _look_up(accounts: Accounts, pair: Pair, exact: Exact) -> None:
    """Take the amount, and of a call of nobody's all else, from the provider's exact record."""
    record = exact(pair.told.generation_id)
    if record is None:
        return
    pair.pico = record.total_cost_pico
    if record.is_byok:
        pair.upstream_pico = record.upstream_inference_cost_pico or 0
    if pair.row is None:
        pair.model = accounts.model(record.model)
        pair.at = moment_or_none(record.created_at)


def _agrees(row: Booked, told: Told, half_step: int) -> bool:
    """Whether what is told is the ledger's own amount, rounded."""
    if row.cost_pico is None:
        return False
    ours = ((row.cost_pico, told.credits_pico), (row.upstream_pico or 0, told.byok_pico))
    return all(abs(mine - theirs) <= half_step for mine, theirs in ours)


def lines(matched: Matched, days: Iterable[str]) -> Iterator[Line]:
    """What differs, call by call.

    Args:
        matched: what belongs together.
        days: of the period: what happened on others is not told.
    """
    wanted = set(days)
    for pair in matched.pairs:
        ours = set() if pair.row is None else {pair.row.day}
        if wanted & ({pair.day} | ours):
            yield from _of_pair(pair)
    for row in matched.alone:
        if row.day in wanted:
            yield from _of_row(row)


def _of_pair(pair: Pair) -> Iterator[Line]:
    row = pair.row
    if row is None:
        yield _line(pair, "outside", pair.pico, pair.upstream_pico, "not in the ledger")
        return
    if row.day != pair.day:
        note = f"the ledger has it on {row.day}, where it began"
        yield _line(pair, "day_boundary", 0, 0, note, amount=row.cost_pico or pair.pico)
    more = pair.pico - (row.cost_pico or 0)
    upstream = pair.upstream_pico - (row.upstream_pico or 0)
    if row.cost_pico is None and row.cost_grade != "not_charged":
        kind = "lost" if row.generation_id is None else "pending"
        note = f"the ledger has it as {row.status}, without a cost"
        if pair.is_inferred:
            note += "; by time, model and key, as it was sent without our id"
        yield _line(pair, kind, more, upstream, note)
    elif more or upstream:
        late = row.cost_grade in {"reported", "not_charged"}
        note = f"the ledger has {money.usd_text(row.cost_pico or 0)} USD, {row.cost_grade}"
        yield _line(pair, "late_settlement" if late else "changed", more, upstream, note)


def _line(  # noqa: PLR0913, PLR0917 - what makes a line
    pair: Pair, kind: str, more: int, upstream: int, note: str, amount: int | None = None
) -> Line:
    row = pair.row
    return Line(
        kind=kind,
        day=pair.day,
        model=pair.model,
        key_hash=pair.key_hash,
        amount_pico=pair.pico if amount is None else amount,
        difference_pico=more,
        upstream_difference_pico=upstream,
        ledger_day=row.day if row is not None and row.day != pair.day else None,
        at=pair.at,
        request_id=None if row is None else row.id,
        generation_id=pair.told.generation_id,
        note=note,
        is_inferred=pair.is_inferred,
    )


def _of_row(row: Booked) -> Iterator[Line]:
    """A request of which the provider has nothing."""
    if row.cost_grade == "not_charged":
        return
    if row.is_undecided:
        yield undecided(row, "the provider has no such call")
        return
    cost, upstream = row.cost_pico or 0, row.upstream_pico or 0
    yield Line(
        "not_at_provider", row.day, row.model, row.key_hash, amount_pico=cost,
        difference_pico=-cost, upstream_difference_pico=-upstream, at=row.started_at,
        request_id=row.id, generation_id=row.generation_id, note="the provider has no such call",
    )  # fmt: skip


def undecided(row: Booked, note: str) -> Line:
    """A request whose cost is not known."""
    kind = "pending" if row.cost_grade == "pending" else "unknown"
    if row.status == "open" and (clock.now() - row.started_at) < _DAY / 24:
        note = f"{note}; it may still be under way"
    return Line(
        kind, row.day, row.model, row.key_hash, request_id=row.id, at=row.started_at,
        generation_id=row.generation_id, note=note,
    )  # fmt: skip
